"""Where a command finds its store: what the environment says, and the configuration file where there is one.

A broken configuration raises `ConfigError` with every problem, so that nothing is written to the wrong store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.config import environment
from gateway.config.config import Config
from gateway.config.loader import load
from gateway.store.failures import StoreUnavailable
from gateway.store.secrets import load_or_create_secret, parse_secret


@dataclass(frozen=True, slots=True)
class Setting:
    """The data folder, the server's address where there is one, the secret of the environment, the configuration."""

    folder: Path
    url: str | None = field(repr=False)
    env_secret: str | None = field(repr=False)
    config: Config | None

    @property
    def templates(self) -> Path | None:
        """The admin's own folder of templates."""
        return self.config.templates.path if self.config is not None else None

    def secret(self) -> bytes:
        """The secret that digests keys. Raises StoreUnavailable when there is none, or an unusable one."""
        if self.env_secret is not None:
            return parse_secret(self.env_secret)
        if self.url is not None:
            raise StoreUnavailable("With PostgreSQL, set ATELIER_SECRET to the secret that the gateways use.")
        return load_or_create_secret(self.folder)


def read_setting(config_file: Path | None, env: Mapping[str, str] | None = None) -> Setting:
    """Raises ConfigError. Without a `config_file`, a config.yaml that is not there is no mistake."""
    env = environment.read_environment() if env is None else env
    path = config_file or environment.config_path(env)
    named = config_file is not None or bool(env.get("ATELIER_CONFIG"))
    config = load(path, env) if named or path.exists() else None
    url = config.store.database_url.get_secret_value() if config and config.store.database_url else None
    return Setting(
        folder=environment.data_dir(env),
        url=url or env.get("ATELIER_DATABASE_URL") or None,
        env_secret=env.get("ATELIER_SECRET") or None,
        config=config,
    )
