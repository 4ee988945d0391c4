"""A configuration knows its files: its version changes with every byte of them, and secrets may stand in files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.config import environment
from gateway.config.files import signature
from gateway.config.loader import load

GOOD = """
model_list:
  - {model_name: fast, litellm_params: {model: openai/fast, api_key: os.environ/OPENAI_API_KEY}}
include: more.yaml
templates: {path: mine}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(GOOD)
    (tmp_path / "more.yaml").write_text("limits: {rpm: 5}\n")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "one.yaml").write_text("id: one\n")
    (tmp_path / "key").write_text("sk-from-a-file\n")
    return tmp_path


def loaded(folder: Path) -> tuple[str, str | None]:
    """The version, and the key of the one deployment."""
    env = {"OPENAI_API_KEY_FILE": str(folder / "key")}
    config = load(folder / "config.yaml", env)
    key = config.model_list[0].litellm_params.api_key
    return config.version, key.get_secret_value() if key else None


CHANGES: dict[str, Callable[[Path], object]] = {
    "the file": lambda folder: (folder / "config.yaml").write_text(GOOD + "# a word\n"),
    "an included file": lambda folder: (folder / "more.yaml").write_text("limits: {rpm: 6}\n"),
    "a template": lambda folder: (folder / "mine" / "one.yaml").write_text("id: two\n"),
    "a new template": lambda folder: (folder / "mine" / "two.yaml").write_text("id: two\n"),
    "a secret": lambda folder: (folder / "key").write_text("sk-another\n"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_version_changes_with_every_file(folder: Path, change: Callable[[Path], object]) -> None:
    config = load(folder / "config.yaml", {"OPENAI_API_KEY_FILE": str(folder / "key")})
    before, seen = config.version, signature(config.sources.files, config.sources.folders)
    change(folder)
    assert loaded(folder)[0] != before
    assert signature(config.sources.files, config.sources.folders) != seen


def test_the_version_is_of_the_files_and_not_of_their_place(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    for name in ("config.yaml", "more.yaml", "key"):
        (other / name).write_text((folder / name).read_text())
    (other / "mine").mkdir()
    (other / "mine" / "one.yaml").write_text("id: one\n")
    assert loaded(other)[0] == loaded(folder)[0]
    assert len(loaded(folder)[0]) == 12


def test_a_secret_is_read_from_its_file_at_each_load(folder: Path) -> None:
    assert loaded(folder)[1] == "sk-from-a-file"
    (folder / "key").write_text("sk-another")
    assert loaded(folder)[1] == "sk-another"
    (folder / "key").unlink()
    assert loaded(folder)[1] is None


def test_a_secret_file_wins_over_its_variable_and_is_blotted_out(folder: Path) -> None:
    env = {"OPENAI_API_KEY_FILE": str(folder / "key"), "OPENAI_API_KEY": "sk-of-the-environment"}
    config = load(folder / "config.yaml", env)
    assert "sk-from-a-file" in config.secrets()
    assert environment.with_secrets(env)["OPENAI_API_KEY"] == "sk-from-a-file"


def test_a_file_that_cannot_be_read_is_a_warning_that_names_it(folder: Path) -> None:
    config = load(folder / "config.yaml", {"OPENAI_API_KEY_FILE": str(folder / "nowhere")})
    (warning,) = [each for each in config.warnings if "OPENAI_API_KEY" in str(each)]
    assert "nowhere" in str(warning)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "LOG_FILE"])
def test_other_programs_variables_are_not_ours(name: str) -> None:
    assert environment.secret_files({name: "/some/file"}) == {}


def test_every_variable_of_the_gateway_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://a:b@c/d\n")
    env = {"ATELIER_DATABASE_URL_FILE": str(tmp_path / "url"), "ATELIER_SECRET_FILE": str(tmp_path / "nowhere")}
    assert environment.with_secrets(env)["ATELIER_DATABASE_URL"] == "postgresql://a:b@c/d"
    assert environment.with_secrets(env)["ATELIER_SECRET"] == ""


def test_a_text_stands_in_for_a_file(folder: Path) -> None:
    path = folder / "more.yaml"
    assert load(folder / "config.yaml", {}, {path: "limits: {rpm: 99}\n"}).limits.rpm == 99
    assert load(folder / "config.yaml", {}).limits.rpm == 5
