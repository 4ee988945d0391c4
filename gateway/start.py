"""What `atelier serve` and `atelier run` do around the server: read the file, bind the port, load, tell the person.

Everything that can be wrong at the start ends in one sentence on stderr, never in a traceback.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.bootstrap import Loaded, listen
from gateway.config import environment
from gateway.config.config import Config
from gateway.config.loader import load as load_config
from gateway.config.problems import ConfigError

if TYPE_CHECKING:
    from gateway.app import Gateway


class Start:
    """One start of the gateway. `demo`: with the demo key, the dashboard and the banner."""

    def __init__(self, config_file: Path | None, host: str | None, port: int | None, *, demo: bool) -> None:
        self._env = environment.read_environment()
        if host is not None:
            self._env["ATELIER_HOST"] = host
        if port is not None:
            self._env["ATELIER_PORT"] = str(port)
        self._file = config_file or environment.config_path(self._env)
        self._demo = demo
        self._dashboard: subprocess.Popen[bytes] | None = None
        self._url = ""
        self._expected: tuple[type[BaseException], ...] = (ConfigError,)
        self.config: Config | None = None
        self._gateway: Gateway | None = None

    def listen(self) -> socket.socket | None:
        """The bound socket; None after the reason was printed."""
        try:
            config = self.config = load_config(self._file, self._env)
        except ConfigError as error:
            sys.stderr.write(f"{error}\n")
            return None
        host, port = config.server.host, config.server.port
        try:
            listener = listen(host, port)
        except OSError as error:
            reason = "is in use" if error.errno in {98, 48} else f"cannot be listened on ({error.strerror})"
            sys.stderr.write(f"{host}:{port} {reason}. Choose another with --port, or stop what uses it.\n")
            return None
        shown = f"[{host}]" if ":" in host else host
        self._url = f"http://{'127.0.0.1' if host in {'0.0.0.0', '::'} else shown}:{listener.getsockname()[1]}"  # noqa: S104
        return listener

    def expected(self, error: BaseException) -> bool:
        """Whether an exception is a person's to mend: its text is the sentence to print."""
        return isinstance(error, self._expected)

    @property
    def drain_timeout(self) -> float:
        return self.config.server.drain_timeout if self.config is not None else 60.0

    def load(self) -> Loaded:
        """Import and build the gateway; runs in a thread."""
        from gateway import app, extra_stages, sim  # noqa: PLC0415 - the heavy imports, off the loop
        from gateway.prompts.library import LibraryError  # noqa: PLC0415
        from gateway.store.failures import StoreInUse, StoreUnavailable  # noqa: PLC0415
        from gateway.telemetry import log, redact  # noqa: PLC0415
        from routing_policies import PolicyError  # noqa: PLC0415

        known = (LibraryError, PolicyError, StoreInUse, StoreUnavailable, extra_stages.StageError, sim.FleetError)
        self._expected = (ConfigError, *known)
        config = self.config
        if config is None:
            raise RuntimeError("load before listen")
        redactor = redact.Redactor(config.secrets())
        style = (
            "console"
            if self._demo and "log_format" not in config.telemetry.model_fields_set
            else config.telemetry.log_format
        )
        log.configure(redactor, level=config.telemetry.log_level.upper(), style=style)
        self._gateway = app.Gateway(config, self._env, redactor)
        return self._gateway

    async def ready(self) -> None:
        """Requests are welcome: say so."""
        config, gateway = self.config, self._gateway
        if config is None or gateway is None:
            return
        if not self._demo:
            sys.stderr.write(f"Atelier serves on {self._url}\n")
            return
        from gateway.demo import banner, demo_key  # noqa: PLC0415 - only `run` needs it

        key = await demo_key(config.data_dir, gateway.services)
        dashboard = self._start_dashboard(config)
        sys.stdout.write(banner(self._url, key, dashboard, gateway.services))
        sys.stdout.flush()

    def _start_dashboard(self, config: Config) -> str | None:
        """Its address; None when it is switched off or not installed."""
        from gateway.demo import start_dashboard  # noqa: PLC0415

        if not config.dashboard.enabled:
            return None
        self._dashboard, url = start_dashboard(config, self._url, self._env)
        return url

    def end(self) -> None:
        """The dashboard ends with the gateway."""
        if self._dashboard is not None and self._dashboard.poll() is None:
            self._dashboard.terminate()
            try:
                self._dashboard.wait(5)
            except subprocess.TimeoutExpired:
                self._dashboard.kill()
