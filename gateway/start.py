"""What `atelier serve` and `atelier run` do around the server: read the file, bind the port, load, tell the person.

Everything that can be wrong at the start ends in one sentence on stderr, never in a traceback. With more than one worker
this process only supervises: each worker comes through here again, with a line to its supervisor.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.bootstrap import DRAIN_MARGIN, Loaded, complain, listen
from gateway.config import environment
from gateway.config.config import Config
from gateway.config.loader import load as load_config
from gateway.config.problems import ConfigError
from gateway.sim import Fleet, FleetError
from gateway.worker import Worker

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.telemetry.redact import Redactor

LAST_MARGIN = 15.0  # seconds for a worker to settle and close after its server's own patience


@contextlib.contextmanager
def without(package: str) -> Iterator[None]:
    """What is imported meanwhile does not find the package, unless it is there already."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # the import system's word for what is not there
    try:
        yield
    finally:
        del sys.modules[package]


class Start:
    """One start of the gateway. `demo`: in one process, with the demo key, the dashboard and the banner."""

    def __init__(
        self, config_file: Path | None, host: str | None, port: int | None, workers: int | None = None, *, demo: bool
    ) -> None:
        self._env = environment.read_environment()
        if host is not None:
            self._env["ATELIER_HOST"] = host
        if port is not None:
            self._env["ATELIER_PORT"] = str(port)
        if workers is not None:
            self._env["ATELIER_WORKERS"] = str(workers)
        self._file = config_file or environment.config_path(self._env)
        self._demo = demo
        self._worker = Worker.of(self._env)
        self._dashboard: subprocess.Popen[bytes] | None = None
        self.listeners: list[socket.socket] = []
        self._url = ""
        self._expected: tuple[type[BaseException], ...] = (ConfigError,)
        self.config: Config | None = None
        self._gateway: Gateway | None = None

    def listen(self) -> socket.socket | None:
        """The bound socket; None after the reason was printed."""
        try:
            config = self.config = load_config(self._file, self._env)
        except ConfigError as error:
            self.failed(str(error))
            return None
        host, port = config.server.host, config.server.port
        listener = self._worker.listener if self._worker is not None else self._bound(host, port, "--port")
        if listener is None:
            return None
        self.listeners = [listener]
        if config.admin.listen is not None and self.workers == 1:
            admin = self._bound(config.admin.host, config.admin.port, "admin.listen")
            if admin is None:
                return None
            self.listeners.append(admin)
        shown = f"[{host}]" if ":" in host else host
        self._url = f"http://{'127.0.0.1' if host in {'0.0.0.0', '::'} else shown}:{listener.getsockname()[1]}"  # noqa: S104
        return listener

    def _bound(self, host: str, port: int, setting: str) -> socket.socket | None:
        try:
            return listen(host, port, together=self._worker is not None)
        except OSError as error:
            reason = "is in use" if error.errno in {98, 48} else f"cannot be listened on ({error.strerror})"
            self.failed(f"{host}:{port} {reason}. Choose another with {setting}, or stop what uses it.")
            return None

    @property
    def workers(self) -> int:
        """How many processes serve. 1: this one does it itself."""
        if self.config is None or self._demo or self._worker is not None:
            return 1
        return self.config.server.workers

    def failed(self, sentence: str) -> None:
        """Tell why there is no gateway: a worker its supervisor, who tells it once for all of them."""
        tell = complain if self._worker is None else self._worker.failed
        tell(sentence)

    def expected(self, error: BaseException) -> bool:
        """Whether an exception is a person's to mend: its text is the sentence to print."""
        return isinstance(error, self._expected)

    @property
    def accept_early(self) -> bool:
        return self._worker is None or not self._worker.late

    @property
    def drain_timeout(self) -> float:
        return self.config.server.drain_timeout if self.config is not None else 60.0

    @property
    def patience(self) -> float:
        """Seconds that a worker may take to end once it was asked to."""
        return self.drain_timeout + DRAIN_MARGIN + LAST_MARGIN

    def load(self) -> Loaded:
        """Import and build the gateway; runs in a thread."""
        with without("rich"):  # which structlog imports where it is there, for tracebacks that are not ours: 4 MB
            import structlog  # noqa: F401, PLC0415
        from gateway import app  # noqa: PLC0415 - the heavy imports, off the loop
        from gateway.errors import Unavailable  # noqa: PLC0415
        from gateway.state.failures import StateUnavailable  # noqa: PLC0415
        from gateway.store.failures import StoreUnavailable  # noqa: PLC0415
        from gateway.telemetry import worker_metrics  # noqa: PLC0415
        from gateway.telemetry.tracing import TracingUnavailable  # noqa: PLC0415

        stores = (StoreUnavailable, StateUnavailable, Unavailable)
        self._expected = (ConfigError, FleetError, TracingUnavailable, *stores)
        config = self.config
        if config is None:
            raise RuntimeError("load before listen")
        redactor = self._configure_log(config)
        shared_fleet = None
        if self._worker is not None:
            worker_metrics.count_as(self._worker.number)
            self._worker.patience = self.patience
            shared_fleet = self._worker.fleet
        self._gateway = app.Gateway(config, self._env, redactor, shared_fleet)
        return self._gateway

    def _configure_log(self, config: Config) -> Redactor:
        from gateway.telemetry import log, redact  # noqa: PLC0415

        redactor = redact.Redactor(config.secrets())
        plain = self._demo and "log_format" not in config.telemetry.model_fields_set
        style = "console" if plain else config.telemetry.log_format
        log.configure(redactor, level=config.telemetry.log_level.upper(), style=style)
        return redactor

    async def ready(self) -> None:
        """Requests are welcome: say so."""
        config, gateway = self.config, self._gateway
        if config is None or gateway is None:
            return
        if self._worker is not None:
            self._worker.ready()
            return
        if not self._demo:
            complain(f"Atelier serves on {self._url}")
            self._tell_of_keys(config)
            return
        from gateway.demo import banner, demo_key  # noqa: PLC0415 - only `run` needs it

        key = await demo_key(config.data_dir, gateway.services)
        dashboard = self._start_dashboard(config)
        sys.stdout.write(banner(self._url, key, dashboard, gateway.services))
        sys.stdout.flush()

    def _tell_of_keys(self, config: Config) -> None:
        """Who asks for a master key and has none would meet a 401 without a reason."""
        variable = config.absent_variable(("general_settings", "master_key"))
        if variable is not None:
            complain(f"No master key: {variable} is not set. `atelier keys create --admin` makes an admin key.")

    def _start_dashboard(self, config: Config) -> str | None:
        """Its address; None when it is switched off or not installed."""
        from gateway.demo import start_dashboard  # noqa: PLC0415

        if not config.dashboard.enabled:
            return None
        self._dashboard, url = start_dashboard(config, self._url, self._env)
        return url

    def supervise(self, listener: socket.socket) -> int:
        """Run `workers` processes that serve from the listener; the exit code says how it went."""
        from gateway.supervisor import Crew, supervise  # noqa: PLC0415 - one worker needs none of it
        from gateway.telemetry.worker_metrics import VARIABLE, MetricsFolder  # noqa: PLC0415

        config = self.config
        if config is None:
            raise RuntimeError("supervise before listen")
        try:
            folder = MetricsFolder.make(config.data_dir)
        except OSError as error:
            self.failed(
                f"{config.data_dir} cannot be written ({error.strerror}). Choose another with ATELIER_DATA_DIR."
            )
            return 1
        self._configure_log(config)
        crew = Crew(
            command=(sys.executable, "-m", "gateway", "serve", "--config", str(self._file)),
            env={**self._env, VARIABLE: str(folder.path)},
            size=self.workers,
            patience=self.patience,
            fleet=Fleet(config.simulation, config.data_dir),
            ready=lambda: self._crew_is_ready(config),
            ended=folder.forget,
        )
        try:
            return supervise(crew, listener)
        finally:
            folder.remove()

    def _crew_is_ready(self, config: Config) -> None:
        complain(f"Atelier serves on {self._url} with {self.workers} workers")
        self._tell_of_keys(config)

    def end(self) -> None:
        """The dashboard ends with the gateway."""
        if self._dashboard is not None and self._dashboard.poll() is None:
            self._dashboard.terminate()
            try:
                self._dashboard.wait(5)
            except subprocess.TimeoutExpired:
                self._dashboard.kill()
