"""The addresses that a configuration names, without what may be secret in them, and whether their names are known.

Nothing is called: a name is only looked up. One that nobody knows within the time given counts as unknown.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import urlsplit

from gateway.config.config import Config
from gateway.config.deployments import Resolved
from gateway.config.problems import Path as KeyPath
from gateway.config.problems import Problem

PATIENCE = 3.0  # seconds for all names together
Lookup = Callable[[str], object]


def addresses(config: Config, resolved: Resolved) -> Iterator[tuple[KeyPath, str]]:
    """Every host that the file names, with the key that names it; the deployments' by their ids."""
    everything = (*resolved.deployments, *(each.deployment for each in resolved.no_key))
    for deployment in everything:
        if deployment.api_base and not deployment.simulated:
            yield from _host(("model_list", deployment.id), deployment.api_base)
    for index, webhook in enumerate(config.alerts.webhooks):
        yield from _host(("alerts", "webhooks", index, "url"), webhook.url.get_secret_value())
    yield from _host(("telemetry", "otel", "endpoint"), config.telemetry.otel.endpoint or "")
    for name, url in (("database_url", config.store.database_url), ("redis_url", config.store.redis_url)):
        yield from _host(("store", name), url.get_secret_value() if url else "")
    yield from _host(("accounts", "oidc", "issuer"), config.accounts.oidc.issuer if config.accounts.oidc else "")


def unknown_hosts(
    config: Config, resolved: Resolved, lookup: Lookup = socket.gethostbyname, patience: float = PATIENCE
) -> list[Problem]:
    """A warning for each address whose host's name is not known here. Takes at most `patience` seconds."""
    named: dict[str, list[KeyPath]] = {}
    for path, host in addresses(config, resolved):
        named.setdefault(host, []).append(path)
    known = _known(named, lookup, patience)
    return [_unknown(config, path, host) for host, paths in named.items() if host not in known for path in paths]


def plain(url: str) -> str:
    """Scheme, host, port and path of an address: a user or a query may be a credential."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address"
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def _host(path: KeyPath, url: str) -> Iterator[tuple[KeyPath, str]]:
    """The name in an address, where it is one."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return
    if not host or host == "localhost":
        return
    try:
        ipaddress.ip_address(host)
    except ValueError:
        yield path, host


def _unknown(config: Config, path: KeyPath, host: str) -> Problem:
    mend = "check the name; with --offline no names are looked up"
    return Problem(config.place(path), path, f"the name {host} is not known here", mend)


def _known(hosts: Iterable[str], lookup: Lookup, patience: float) -> set[str]:
    """Asked all at once, by threads that no end of the program waits for."""
    found: set[str] = set()

    def ask(host: str) -> None:
        try:
            lookup(host)
        except (OSError, UnicodeError):
            return
        found.add(host)

    threads = [threading.Thread(target=ask, args=(host,), daemon=True) for host in hosts]
    for thread in threads:
        thread.start()
    until = time.monotonic() + patience
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return set(found)
