"""What no single value shows: names that must exist, values that must fit together, set-ups that do not exist.

Pure, but for asking whether the folders that the file names are there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from gateway.config.config import ConfigFile
from gateway.config.models import BUILT_IN_STAGES
from gateway.config.names import check_names
from gateway.config.positions import Section, place
from gateway.config.problems import Path as KeyPath
from gateway.config.problems import Problem, did_you_mean

Finding = tuple[KeyPath, str, str]  # path, what is wrong, how to mend it


def check(file: ConfigFile, root: Section, base: Path, broken: Collection[str]) -> tuple[list[Problem], list[Problem]]:
    """Errors and warnings. `broken`: top-level keys whose value could not be read; `base`: the file's folder."""
    errors = [*_server(file), *_times(file), *_stages(file), *_store(file), *_folders(file, base)]
    warnings: list[Finding] = []
    if not {"model_list", "router_settings"} & set(broken):
        errors += check_names(file, base, warnings)
    return [_problem(root, each) for each in errors], [_problem(root, each) for each in warnings]


def _problem(root: Section, finding: Finding) -> Problem:
    path, what, mend = finding
    return Problem(place(root, path), path, what, mend)


def _server(file: ConfigFile) -> Iterator[Finding]:
    server = file.server
    if server.cors.allow_credentials and "*" in server.cors.allow_origins:
        yield (
            ("server", "cors", "allow_credentials"),
            "browsers refuse it together with the origin `*`",
            "list the origins",
        )
    if server.max_media_body_mb < server.max_body_mb:
        yield ("server", "max_media_body_mb"), "is smaller than `server.max_body_mb`", "raise it"
    if file.admin.listen is not None and server.port == file.admin.port:
        yield ("admin", "listen"), "is the gateway's own port", "choose another one, or leave it out"
    if file.dashboard.enabled and server.port == file.dashboard.port != 0:
        yield ("dashboard", "port"), "is the gateway's own port", "choose another one"


def _times(file: ConfigFile) -> Iterator[Finding]:
    if file.stream.ttft_timeout > file.timeouts.total:
        yield ("stream", "ttft_timeout"), "is longer than `timeouts.total`", "lower it, or raise `timeouts.total`"
    if file.health.max_open < file.health.open_for and "max_open" in file.health.model_fields_set:
        yield ("health", "max_open"), "is shorter than `health.open_for`", "raise it"


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
    database, redis = file.store.database_url, file.store.redis_url
    if database and database.get_secret_value().startswith("sqlite"):
        yield ("store", "database_url"), "SQLite needs no address", "take it out; the file lies in ATELIER_DATA_DIR"
    elif database and not redis:
        mend = "set `store.redis_url` too, or take it out: the embedded store needs neither"
        yield ("store", "database_url"), "PostgreSQL without Redis is no set-up", mend
    elif redis and not database:
        mend = "set `store.database_url` too, or take it out: the embedded store needs neither"
        yield ("store", "redis_url"), "Redis without PostgreSQL is no set-up", mend
    if file.server.workers > 1 and not (database and redis):
        mend = "set `store.database_url` and `store.redis_url`, or serve with one"
        yield ("server", "workers"), "more than one worker needs PostgreSQL and Redis", mend


def _folders(file: ConfigFile, base: Path) -> Iterator[Finding]:
    for name, path in (("templates", file.templates.path), ("policies", file.policies.path)):
        if path and not (base / path).is_dir():
            yield (name, "path"), "there is no such folder", "make it, or correct the path; it is relative to this file"
