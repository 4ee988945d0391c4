"""What a page or the banner shows can be pasted: it parses, and the addresses and calls in it are real ones."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from ruamel.yaml import YAML
from starlette.routing import Match

from gateway.api.application import create_api
from gateway.config.config import Config
from gateway.config.loader import load
from gateway.demo import banner

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SDK = {
    "chat.completions.create": "/v1/chat/completions",
    "embeddings.create": "/v1/embeddings",
    "models.list": "/v1/models",
    "models.retrieve": "/v1/models/auto",
}


@dataclass(frozen=True)
class Snippet:
    where: str
    language: str
    text: str


def of_banner() -> list[Snippet]:
    services = SimpleNamespace(deployments=(), simulated=True)
    text = banner("http://127.0.0.1:8080", "sk-atl-x", None, services)  # type: ignore[arg-type]
    curl = text[text.index("curl ") : text.index("Or with")].strip()
    return [Snippet("banner", "bash", curl), Snippet("banner", "python", text[text.index("from openai") :])]


def snippets() -> list[Snippet]:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    found = [
        Snippet(f"{page.name}:{number}", language, text)
        for page in pages
        for number, (language, text) in enumerate(FENCE.findall(page.read_text()), 1)
    ]
    return [*found, *of_banner()]


ALL = snippets()


def in_language(*languages: str) -> pytest.MarkDecorator:
    chosen = [snippet for snippet in ALL if snippet.language in languages]
    assert chosen
    return pytest.mark.parametrize("snippet", chosen, ids=[snippet.where for snippet in chosen])


@in_language("python", "py")
def test_python_parses_and_calls_what_there_is(snippet: Snippet, api: Routed) -> None:
    for node in ast.walk(ast.parse(snippet.text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("client."):
            called = ast.unparse(node.func).removeprefix("client.")
            assert called in SDK, called
            assert api.has("GET" if called.startswith("models") else "POST", SDK[called])


@in_language("bash", "sh", "shell")
def test_bash_parses(snippet: Snippet) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    checked = subprocess.run([bash, "-n"], input=snippet.text, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr


@in_language("json", "yaml", "toml")
def test_data_parses(snippet: Snippet) -> None:
    match snippet.language:
        case "json":
            json.loads(snippet.text)
        case "toml":
            tomllib.loads(snippet.text)
        case _:
            list(YAML(typ="safe").load_all(snippet.text))


class Routed:
    """The gateway's routes."""

    def __init__(self, config: Config) -> None:
        self._routes = create_api(config).routes

    def has(self, method: str, path: str) -> bool:
        scope = {"type": "http", "method": method, "path": path, "headers": [], "root_path": ""}
        return any(route.matches(scope)[0] is Match.FULL for route in self._routes)


@pytest.fixture(scope="module")
def api() -> Routed:
    return Routed(load(ROOT / "config.yaml", {}))


ADDRESS = re.compile(r"https?://(?:127\.0\.0\.1|localhost)(?::\d+)?(/[^\s\"'`)]*)")


@in_language("bash", "sh", "shell")
def test_curl_asks_real_routes(snippet: Snippet, api: Routed) -> None:
    for command in re.split(r"(?<!\\)\n", snippet.text):
        if "curl " not in command:
            continue
        method = "POST" if re.search(r"\s(-d|--data|--json)\b", command) else "GET"
        method = found[1] if (found := re.search(r"-X\s*(\w+)", command)) else method
        paths = ADDRESS.findall(command)
        assert paths, command
        for path in paths:
            assert api.has(method, path.partition("?")[0]), f"{method} {path}"


@pytest.mark.parametrize("snippet", ALL, ids=[snippet.where for snippet in ALL])
def test_base_urls_of_sdks_end_in_v1(snippet: Snippet) -> None:
    assert all(url.endswith("/v1") for url in re.findall(r"base_url=[\"']([^\"']+)", snippet.text))
