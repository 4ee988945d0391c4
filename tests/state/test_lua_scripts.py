"""Each script is where it is looked for, and Redis knows it by the name that we do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway import state
from gateway.state.script import Script

FOLDER = Path(state.__file__).parent
NAMES = sorted(path.stem for path in (FOLDER / "lua").glob("*.lua"))


def test_each_script_is_used_and_each_that_is_used_is_there():
    sources = "".join(path.read_text() for path in FOLDER.glob("*.py"))
    assert sorted(set(re.findall(r'Script\.load\("(\w+)"\)', sources))) == NAMES


@pytest.mark.parametrize("name", NAMES)
async def test_redis_compiles_it_and_names_it_alike(name, connect, redis_server):
    script = Script.load(name)
    connection = connect(redis_server)
    assert await connection.call("SCRIPT", "LOAD", script.source) == script.sha1.encode()


def test_a_script_that_is_not_there_is_an_error_at_once():
    with pytest.raises(FileNotFoundError):
        Script.load("no_such_script")
