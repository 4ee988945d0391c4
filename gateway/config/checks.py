"""What no single value shows: names that must exist, values that must fit together, set-ups that do not exist.

Pure, but for asking whether the folders that the file names are there, and the extras that it needs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import SecretStr

from gateway.config.config import ConfigFile
from gateway.config.models import BUILT_IN_STAGES
from gateway.config.names import check_names
from gateway.config.positions import Section, place
from gateway.config.problems import Finding, Problem, did_you_mean
from gateway.config.problems import Path as KeyPath

_POSTGRES = ("postgresql", "postgres")
_REDIS = ("redis", "rediss", "unix")
_OTEL_EXTRA = ("opentelemetry.sdk", "opentelemetry.exporter.otlp")


def check(
    file: ConfigFile, root: Section, base: Path, told: Sequence[Problem], broken: Collection[str]
) -> tuple[list[Problem], list[Problem]]:
    """Errors and warnings. `base`: the file's folder.

    `told`: the mistakes that are known already; `broken`: top-level keys that have their defaults because their values
    could not be read. What would only follow from those is left out.
    """
    doubtful = {str(problem.path[0]) for problem in told if problem.path} | {*broken}
    errors = [finding for find, sections in _CHECKS if doubtful.isdisjoint(sections) for finding in find(file)]
    errors += _folders(file, base)
    warnings: list[Finding] = []
    if not _unclear_names(told) and {"model_list", "router_settings"}.isdisjoint(broken):
        errors += check_names(file, base, warnings)
    known = {problem.path for problem in told}
    warnings += _addresses(file)
    new = [finding for finding in errors if finding[0] not in known]
    return [_problem(root, each) for each in new], [_problem(root, each) for each in warnings]


def _unclear_names(told: Iterable[Problem]) -> bool:
    """Whether a part may be missing of what defines names: models, aliases, policies."""
    return any(
        problem.path == ("model_list",)
        or problem.path[:1] == ("policies",)
        or problem.path[:2] == ("router_settings", "model_group_alias")
        for problem in told
    )


def _problem(root: Section, finding: Finding) -> Problem:
    path, what, mend = finding
    return Problem(place(root, path), path, what, mend)


def _addresses(file: ConfigFile) -> Iterator[Finding]:
    """Addresses of models to which no request will come through; LiteLLM starts with them."""
    for index, entry in enumerate(file.model_list):
        for key in ("api_base", "base_url"):
            given = getattr(entry.litellm_params, key)
            if given and not given.startswith(("http://", "https://")):
                path = ("model_list", index, "litellm_params", key)
                yield path, "is not an address, so every request will fail", "write `https://host/path`"


def _cors(file: ConfigFile) -> Iterator[Finding]:
    cors = file.server.cors
    if cors.allow_credentials and "*" in cors.allow_origins:
        yield (
            ("server", "cors", "allow_credentials"),
            "browsers refuse it together with the origin `*`",
            "list the origins",
        )


def _sizes(file: ConfigFile) -> Iterator[Finding]:
    server = file.server
    if server.max_media_body_mb < server.max_body_mb:
        if "max_media_body_mb" in server.model_fields_set:
            yield ("server", "max_media_body_mb"), "is smaller than `server.max_body_mb`", "raise it"
        else:
            what = f"is larger than `server.max_media_body_mb` ({server.max_media_body_mb:g})"
            yield ("server", "max_body_mb"), what, "lower it, or raise `server.max_media_body_mb` too"


def _ports(file: ConfigFile) -> Iterator[Finding]:
    """No two of gateway, admin routes and dashboard on one port; told of the one that the file names."""
    taken: dict[int, str] = {}
    named: list[tuple[int, str, KeyPath, bool]] = [
        (file.server.port, "the gateway's own port", ("server", "port"), "port" in file.server.model_fields_set)
    ]
    if file.admin.listen is not None:
        named.append((file.admin.port, "the port of `admin.listen`", ("admin", "listen"), True))
    if file.dashboard.enabled:
        given = "port" in file.dashboard.model_fields_set
        named.append((file.dashboard.port, "the dashboard's port", ("dashboard", "port"), given))
    for port, whose, path, _ in sorted(named, key=lambda each: each[3]):  # what the file does not name comes first
        if port and port in taken:
            yield path, f"is {taken[port]}", "choose another one"
        taken.setdefault(port, whose)


def _times(file: ConfigFile) -> Iterator[Finding]:
    stream, timeouts = file.stream, file.timeouts
    if stream.ttft_timeout > timeouts.total:
        if "ttft_timeout" in stream.model_fields_set:
            yield ("stream", "ttft_timeout"), "is longer than `timeouts.total`", "lower it, or raise `timeouts.total`"
        else:
            what = f"is shorter than `stream.ttft_timeout` ({stream.ttft_timeout:g})"
            yield ("timeouts", "total"), what, "raise it, or lower `stream.ttft_timeout` too"


def _health(file: ConfigFile) -> Iterator[Finding]:
    if file.health.max_open < file.health.open_for and "max_open" in file.health.model_fields_set:
        yield ("health", "max_open"), "is shorter than `health.open_for`", "raise it"


def _retry(file: ConfigFile) -> Iterator[Finding]:
    retry = file.retry
    if "attempts" not in retry.model_fields_set:
        return  # LiteLLM's blocks may say it
    if retry.per_group is not None and retry.per_group > retry.attempts:
        yield ("retry", "per_group"), f"is more than `retry.attempts` ({retry.attempts})", "lower it, or raise that"
    for kind, attempts in retry.by_error.items():
        if attempts > retry.attempts:
            what = f"is more than `retry.attempts` ({retry.attempts})"
            yield ("retry", "by_error", kind), what, "lower it, or raise that"


def _otel(file: ConfigFile) -> Iterator[Finding]:
    if file.telemetry.otel.endpoint is not None and not all(map(_installed, _OTEL_EXTRA)):
        mend = "install it: `pip install 'atelier-gateway[otel]'`; or take the address out"
        yield ("telemetry", "otel", "endpoint"), "needs the extra `otel`, which is not installed", mend


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package around it
        return False


def _stages(file: ConfigFile) -> Iterator[Finding]:
    names = {*BUILT_IN_STAGES}
    for index, stage in enumerate(file.pipeline.stages):
        path: KeyPath = ("pipeline", "stages", index)
        if stage.name in names:
            yield (*path, "name"), f"there is another stage `{stage.name}`", "give it a name of its own"
        anchor = stage.after or stage.before
        if anchor is None or (stage.after and stage.before):
            yield path, "needs either `after` or `before`", "name the stage that it stands next to"
        elif anchor not in names:
            key = "after" if stage.after else "before"
            yield (*path, key), f"there is no stage `{anchor}` yet at this point", did_you_mean(anchor, names)
        names.add(stage.name)


def _store(file: ConfigFile) -> Iterator[Finding]:
    """PostgreSQL and Redis together, or neither."""
    database, redis = _scheme(file.store.database_url), _scheme(file.store.redis_url)
    both = "set `{}` too, or take it out: the embedded store needs neither"
    if database == "sqlite":
        yield ("store", "database_url"), "SQLite needs no address", "take it out; the file lies in ATELIER_DATA_DIR"
    elif database and database not in _POSTGRES:
        what = "is not an address of PostgreSQL"
        yield ("store", "database_url"), what, "write `postgresql://user:password@host/name`"
    elif database and not redis:
        yield ("store", "database_url"), "PostgreSQL without Redis is no set-up", both.format("store.redis_url")
    if redis and redis not in _REDIS:
        yield ("store", "redis_url"), "is not an address of Redis", "write `redis://user:password@host:6379/0`"
    elif redis and not database:
        yield ("store", "redis_url"), "Redis without PostgreSQL is no set-up", both.format("store.database_url")


def _workers(file: ConfigFile) -> Iterator[Finding]:
    if file.server.workers > 1 and not (file.store.database_url and file.store.redis_url):
        mend = "set `store.database_url` and `store.redis_url`, or serve with one"
        yield ("server", "workers"), "more than one worker needs PostgreSQL and Redis", mend


def _scheme(url: SecretStr | None) -> str:
    """What stands before the `://` of an address, without a driver's name; "?" where nothing does."""
    scheme, found, _ = (url.get_secret_value() if url else "").partition("://")
    return scheme.partition("+")[0].lower() if found else "?" if scheme else ""


def _folders(file: ConfigFile, base: Path) -> Iterator[Finding]:
    for name, path in (("templates", file.templates.path), ("policies", file.policies.path)):
        if path and not (base / path).is_dir():
            yield (name, "path"), "there is no such folder", "make it, or correct the path; it is relative to this file"


# Each with the sections that it compares: where one of them could not be read, there is nothing to compare.
_CHECKS: tuple[tuple[Callable[[ConfigFile], Iterator[Finding]], frozenset[str]], ...] = (
    (_cors, frozenset({"server"})),
    (_sizes, frozenset({"server"})),
    (_ports, frozenset({"server", "admin", "dashboard"})),
    (_times, frozenset({"stream", "timeouts"})),
    (_health, frozenset({"health"})),
    (_retry, frozenset({"retry"})),
    (_otel, frozenset({"telemetry"})),
    (_stages, frozenset({"pipeline"})),
    (_store, frozenset({"store"})),
    (_workers, frozenset({"server", "store"})),
)
