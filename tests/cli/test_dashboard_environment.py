"""The dashboard's process is given what is its own, and no secret of the gateway's."""

from __future__ import annotations

from pathlib import Path

from gateway.config.loader import load
from gateway.demo import dashboard_environment

CONFIG = """
model_list:
  - {model_name: fast, litellm_params: {model: openai/fast, api_key: os.environ/OPENAI_API_KEY}}
general_settings: {master_key: sk-master-canary}
admin: {listen: "127.0.0.1:4001"}
dashboard: {url: https://desk.example.com, database_url: "postgresql://reader:rd-canary@db/x"}
accounts: {oidc: {issuer: https://id.example.com, client_id: atelier, client_secret: oidc-canary, name: Example}}
"""
ENV = {
    "PATH": "/usr/bin",
    "OPENAI_API_KEY": "sk-openai-canary",
    "COPY": "prefix sk-openai-canary",
    "ATELIER_SECRET": "secret-canary",
    "ATELIER_DATABASE_URL": "postgresql://owner:own-canary@db/x",
    "ATELIER_REDIS_URL": "redis://:redis-canary@h",
}


def test_it_gets_its_own_credentials_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    given = dashboard_environment(load(tmp_path / "config.yaml", ENV), "http://127.0.0.1:4000", ENV)
    assert given["PATH"] == "/usr/bin"
    assert given["ATELIER_URL"] == "http://127.0.0.1:4001"
    assert given["ATELIER_DASHBOARD_URL"] == "https://desk.example.com"
    assert given["ATELIER_DASHBOARD_DATABASE_URL"] == "postgresql://reader:rd-canary@db/x"
    assert given["ATELIER_OIDC_CLIENT_SECRET"] == "oidc-canary"
    assert "ATELIER_DASHBOARD_REDIS_URL" not in given
    text = repr(given)
    for secret in ("sk-openai-canary", "secret-canary", "own-canary", "redis-canary", "sk-master-canary"):
        assert secret not in text, secret
