"""Every example that an admin may copy passes the whole check: those of the pages, and those in config.yaml's comments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.assembly import Read, tried
from gateway.config import load

ROOT = Path(__file__).parents[2]
MODELS = "model_list:\n" + "".join(
    f"  - {{model_name: {name}, litellm_params: {{model: openai/gpt-6-luna, api_key: os.environ/OPENAI_API_KEY}}}}\n"
    for name in ("fast", "smart", "best")
)
FICTITIOUS = "acme.stages:Audit"  # a module that the reader would have written
OF_THE_LIBRARY = {"versions:": "prompts", "tone:": "brands"}  # files of a templates folder, by a key that they have


def examples() -> list[tuple[str, str]]:
    pages = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]
    found = [(page, block) for page in pages for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)]
    return [(f"{page.name}-{number}", block) for number, (page, block) in enumerate(found)]


def whole(text: str, folder: Path) -> Read:
    """The text as config.yaml, with every variable that it names, checked as `atelier check` does."""
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    env: Mapping[str, str] = dict.fromkeys(re.findall(r"os\.environ/(\w+)", text), "https://hooks.example.com/one")
    config = load(path, env)
    assert config.warnings == ()
    return tried(config, env)


@pytest.mark.parametrize("example", [block for _, block in examples()], ids=[name for name, _ in examples()])
def test_every_example_of_the_pages_passes_the_check(example: str, tmp_path: Path) -> None:
    (tmp_path / "our-templates" / "prompts").mkdir(parents=True)
    kind = next((folder for key, folder in OF_THE_LIBRARY.items() if f"\n{key}" in example), None)
    if kind is not None:
        name = re.findall(r"^id: (\w+)", example, re.MULTILINE)[0]
        (tmp_path / "our-templates" / kind).mkdir(exist_ok=True)
        (tmp_path / "our-templates" / kind / f"{name}.yaml").write_text(example, encoding="utf-8")
        example = "templates: {path: our-templates}\n"
    elif FICTITIOUS in example:
        example = example.replace(FICTITIOUS, "gateway.stages.replay:Replay")

    read = whole(example if "model_list" in example else MODELS + example, tmp_path)

    assert read.resolved.deployments or read.resolved.wildcards


def test_there_are_examples_and_one_of_them_names_the_fictitious_module() -> None:
    blocks = [block for _, block in examples()]

    assert len(blocks) > 12
    assert sum(FICTITIOUS in block for block in blocks) == 1


def uncommented(text: str) -> str:
    """The shipped file with its examples put in force: indented comments above, all comments below."""
    above, below = text.split("# Everything below", 1)
    above = re.sub(r"^  # (?=rules:|- \w+:|  )", "  ", above, flags=re.MULTILINE).replace("  rules: []\n", "")
    return above + re.sub(r"^# ?", "", below.partition("\n")[2], flags=re.MULTILINE)


def test_the_shipped_file_passes_the_check_with_its_commented_examples_in_force(tmp_path: Path) -> None:
    (tmp_path / "my-templates" / "prompts").mkdir(parents=True)

    read = whole(uncommented((ROOT / "config.yaml").read_text(encoding="utf-8")), tmp_path)

    assert "house" in read.config.group_names
    assert len(read.config.routing.rules) == 3
    assert read.config.templates.path == tmp_path / "my-templates"
