"""The gateway's own environment variables. Nothing else in the gateway reads the environment.

A variable wins over the file. One whose name begins with ATELIER_ but is not known becomes a warning, because a typing
mistake would otherwise pass in silence. A secret may stand in a file: NAME_FILE names the file with the value of NAME, and
is read at each load, so that a secret can be replaced while the gateway runs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from gateway.config.positions import Section
from gateway.config.problems import Mark, Problem, did_you_mean

OVERRIDES = {
    "ATELIER_HOST": ("server", "host"),
    "ATELIER_PORT": ("server", "port"),
    "ATELIER_DATABASE_URL": ("store", "database_url"),
    "ATELIER_REDIS_URL": ("store", "redis_url"),
    "ATELIER_LOG_FORMAT": ("telemetry", "log_format"),
    "ATELIER_LOG_LEVEL": ("telemetry", "log_level"),
    "ATELIER_SIMULATION": ("simulation", "mode"),
    "ATELIER_WORKERS": ("server", "workers"),
    "ATELIER_DASHBOARD_PORT": ("dashboard", "port"),
    "ATELIER_DASHBOARD_URL": ("dashboard", "url"),
    "ATELIER_DASHBOARD_DATABASE_URL": ("dashboard", "database_url"),
    "ATELIER_DASHBOARD_REDIS_URL": ("dashboard", "redis_url"),
}
OTHERS = ("ATELIER_CONFIG", "ATELIER_DATA_DIR", "ATELIER_MASTER_KEY", "ATELIER_SECRET")
OF_WORKERS = ("ATELIER_WORKER",)  # what a supervisor tells its workers
PREFIX = "ATELIER_"
DEFAULT_CONFIG = "config.yaml"
DEFAULT_DATA_DIR = "data"


IN_FILE = "_FILE"
_SECRETS = ("_KEY", "_KEY_ID", "_TOKEN", "_SECRET", "_PASSWORD", "_URL")
_NOT_OURS = frozenset({"AWS_WEB_IDENTITY_TOKEN_FILE"})  # who signs requests reads it, again and again


def read_environment() -> dict[str, str]:
    """A copy of the process's environment, with what stands in secret files: the one place where it is read."""
    return with_secrets(os.environ)


def secret_files(env: Mapping[str, str]) -> dict[str, Path]:
    """The variables that stand in files, each with its file: `{"OPENAI_API_KEY": Path("/run/secrets/openai")}`."""
    named = {
        name.removesuffix(IN_FILE): Path(env[name]) for name in sorted(env) if name.endswith(IN_FILE) and env[name]
    }
    return {
        name: path
        for name, path in named.items()
        if name + IN_FILE not in _NOT_OURS and (name in {*OVERRIDES, *OTHERS} or name.endswith(_SECRETS))
    }


def with_secrets(env: Mapping[str, str]) -> dict[str, str]:
    """`env` with the values of its secret files, as they are now; a file wins over a variable, an absent one is none."""
    out = dict(env)
    for name, path in secret_files(env).items():
        try:
            out[name] = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            out[name] = ""
    return out


def unreadable(env: Mapping[str, str]) -> list[Problem]:
    """A warning for each secret file that has nothing to say."""
    mend = "check that the file is there, is not empty and may be read"
    return [
        Problem(Mark(name + IN_FILE), (), f"{path} holds no value, so {name} is not set", mend)
        for name, path in secret_files(env).items()
        if not env.get(name)
    ]


def config_path(env: Mapping[str, str]) -> Path:
    """The configuration file: `ATELIER_CONFIG`, or config.yaml in the current folder."""
    return Path(env.get("ATELIER_CONFIG") or DEFAULT_CONFIG)


def data_dir(env: Mapping[str, str]) -> Path:
    """The data folder: `ATELIER_DATA_DIR`, or `data` in the current folder."""
    return Path(env.get("ATELIER_DATA_DIR") or DEFAULT_DATA_DIR)


def override(root: Section, env: Mapping[str, str]) -> dict[str, str]:
    """Lay the variables of `OVERRIDES` over the file's values, in place.

    Returns those that win over another value, with its key: `{"ATELIER_PORT": "server.port"}`.
    """
    won: dict[str, str] = {}
    for variable, (name, key) in OVERRIDES.items():
        value = env.get(variable)
        mark = Mark(variable)
        if not value:
            continue
        if root.get(name) is None:
            root.put(name, Section(mark), mark, mark)
        section = root[name]
        if isinstance(section, Section):
            if section.get(key) is not None and str(section[key]) not in {value, f"os.environ/{variable}"}:
                won[variable] = f"{name}.{key}"
            section.put(key, value, mark, mark)
    return won


def unknown_variables(env: Mapping[str, str], used: Iterable[str]) -> list[Problem]:
    """A warning for every ATELIER_ variable that neither the gateway nor the file reads."""
    known = {*OVERRIDES, *OTHERS, *OF_WORKERS}
    known |= {name + IN_FILE for name in (*OVERRIDES, *OTHERS)}
    strange = sorted(name for name in env if name.startswith(PREFIX) and name not in known and name not in set(used))
    return [
        Problem(Mark(name), (), "no such environment variable; it has no effect", did_you_mean(name, known, PREFIX))
        for name in strange
    ]
