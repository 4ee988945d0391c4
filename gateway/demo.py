"""What `atelier run` shows a person: a key that works, a snippet to paste, the dashboard beside the gateway."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from pydantic import SecretStr

from gateway.accounts import Actor
from gateway.api.state import Services
from gateway.config.config import Config
from gateway.errors import Unauthenticated

FILE = "demo.key"
BUDGET = 10_000_000_000  # nano-dollars: 10 USD
WINDOW = "30d"
SYSTEM = Actor("system", "admin")


async def demo_key(data_dir: Path, services: Services) -> str:
    """The key in `data_dir/demo.key`; a new one when there is none or it does not work any more."""
    path = data_dir / FILE
    if path.exists():
        key = path.read_text().strip()
        try:
            await services.identities.identify(key)
        except Unauthenticated:
            pass
        else:
            return key
    user = await services.accounts.users.ensure(SYSTEM, "demo")
    budget = {"budget": BUDGET, "budget_window": WINDOW}
    _, key = await services.accounts.keys.create(SYSTEM, name="demo", user=user.id, **budget)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{key}\n")
    return key


def start_dashboard(
    config: Config, gateway_url: str, env: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes] | None, str | None]:
    """Streamlit as a child process, and its address; (None, None) when the `dashboard` extra is not installed."""
    if find_spec("streamlit") is None:  # an extra; only its own process imports it
        return None, None
    port = free_port(config.dashboard.port)
    page = files("dashboard") / "app.py"
    process = subprocess.Popen(  # noqa: S603 - our own program
        [
            sys.executable, "-m", "streamlit", "run", str(page),
            "--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true",
            "--browser.gatherUsageStats", "false", "--server.fileWatcherType", "none",
        ],
        env=dashboard_environment(config, gateway_url, env),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return process, f"http://127.0.0.1:{port}"


def dashboard_environment(config: Config, gateway_url: str, env: Mapping[str, str]) -> dict[str, str]:
    """What the dashboard's process knows: its own read-only credentials, never the gateway's or a provider's."""
    own = {
        "ATELIER_URL": f"http://{config.admin.listen}" if config.admin.listen is not None else gateway_url,
        "ATELIER_DATA_DIR": str(config.data_dir),
        "ATELIER_UNTIL_STDIN_CLOSES": "1",
        "ATELIER_DASHBOARD_URL": config.dashboard.url,
        "ATELIER_DASHBOARD_DATABASE_URL": _revealed(config.dashboard.database_url),
        "ATELIER_DASHBOARD_REDIS_URL": _revealed(config.dashboard.redis_url),
    }
    oidc = config.accounts.oidc
    if oidc is not None:
        own |= {
            "ATELIER_OIDC_ISSUER": oidc.issuer,
            "ATELIER_OIDC_CLIENT_ID": oidc.client_id,
            "ATELIER_OIDC_CLIENT_SECRET": _revealed(oidc.client_secret),
            "ATELIER_OIDC_NAME": oidc.name,
        }
    secrets = config.secrets()
    outer = {
        name: value
        for name, value in env.items()
        if not name.startswith("ATELIER_") and not any(secret in value for secret in secrets)
    }
    return {**outer, **{name: value for name, value in own.items() if value is not None}}


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


def free_port(wanted: int) -> int:
    """The wanted port, or one that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def banner(url: str, key: str, dashboard: str | None, services: Services) -> str:
    """What stands on the terminal when everything is up."""
    providers = sorted({d.provider for d in services.deployments})
    if services.simulated:
        source = (
            "No provider key is set: answers come from the SIMULATED fleet and cost nothing.\n"
            "  Set OPENAI_API_KEY, ANTHROPIC_API_KEY or GEMINI_API_KEY and start again for real ones."
        )
    else:
        source = f"Real providers: {', '.join(providers) or 'none'}."
    return f"""
  Atelier is ready.

  Gateway    {url}/v1
  Dashboard  {dashboard or "off (install the 'dashboard' extra)"}
  Key        {key}
  Admin      `.venv/bin/atelier invite --admin` prints a one-time link to the dashboard

  {source}

  Try it:

curl -N {url}/v1/chat/completions \\
  -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\
  -d '{{"model": "auto", "stream": true, "messages": [{{"role": "user", "content": "Write a haiku about deadlines."}}]}}'

  Or with the OpenAI SDK:

from openai import OpenAI
client = OpenAI(base_url="{url}/v1", api_key="{key}")
stream = client.chat.completions.create(
    model="auto", stream=True, messages=[{{"role": "user", "content": "Write a haiku about deadlines."}}]
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)

"""
