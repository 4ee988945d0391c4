"""`atelier grants` prints what an administrator runs: it reads no configuration and connects to nothing."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from gateway.cli import cli
from gateway.store.grants import postgresql_grants, redis_grants


def grants(*arguments: str) -> Result:
    env = {"ATELIER_CONFIG": "nowhere.yaml", "ATELIER_DATA_DIR": "/proc/self/nowhere"}
    return CliRunner(env=env).invoke(cli, ["grants", *arguments])


def test_the_statements_stand_alone_on_stdout() -> None:
    for done, text in (
        (grants("postgresql", "--role", "reader"), postgresql_grants("reader")),
        (grants("redis", "--user", "reader"), redis_grants("reader")),
        (grants("postgresql"), postgresql_grants("atelier_reader")),
    ):
        assert (done.exit_code, done.stderr) == (0, "")
        assert done.stdout == text
        assert text.endswith("\n")


@pytest.mark.parametrize("arguments", [("postgresql", "--role"), ("redis", "--user")])
@pytest.mark.parametrize("name", ["a b", "x; DROP TABLE ledger", "1", ""])
def test_a_name_that_would_have_to_be_quoted_is_refused(arguments: tuple[str, ...], name: str) -> None:
    refused = grants(*arguments, name)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.endswith(".\n")
    assert refused.stderr.count("\n") == 1
