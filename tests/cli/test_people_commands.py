"""`atelier users|teams|brands|keys|invite` on a store of their own: what is made is shown, changed, and refused plainly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway.cli import cli
from gateway.commands.output import say_table
from tests.cli.conftest import GOOD

Run = Callable[..., Result]


@pytest.fixture(params=["embedded", "scaled"])
def atelier(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in an empty folder, on SQLite and on PostgreSQL."""
    monkeypatch.chdir(tmp_path)
    env = {"ATELIER_DATA_DIR": str(tmp_path / "data")}
    if request.param == "scaled":
        env |= {"ATELIER_DATABASE_URL": request.getfixturevalue("postgres_url"), "ATELIER_SECRET": "x" * 32}

    def run(*arguments: str, **options: Any) -> Result:
        return CliRunner(env=env).invoke(cli, arguments, **options)

    return run


def done(result: Result) -> str:
    assert result.exit_code == 0, (result.stderr, result.exception)
    return result.stdout.strip()


def shown(result: Result) -> Any:
    return json.loads(done(result))


def refused(result: Result) -> str:
    assert (result.exit_code, result.stdout) == (1, ""), (result.stderr, result.exception)
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.count("\n") == 1
    return result.stderr


def rows(result: Result) -> list[list[str]]:
    return [line.split() for line in done(result).splitlines()]


def test_a_user_from_making_to_erasing(atelier: Run) -> None:
    assert done(atelier("users", "create", "--id", "ada", "--email", "Ada@example.com", "--budget", "2.5")) == "ada"
    user = shown(atelier("users", "show", "ada", "--json"))
    assert (user["object"], user["email"], user["role"], user["teams"]) == ("user", "ada@example.com", "member", [])
    assert (user["budget"], user["budget_nano"]) == ("2.5", 2_500_000_000)

    done(atelier("users", "edit", "ada", "--name", "Ada L.", "--role", "admin", "--budget-days", "30"))
    user = shown(atelier("users", "show", "ada", "--json"))
    assert (user["name"], user["role"], user["budget_window"], user["version"]) == ("Ada L.", "admin", "30d", 2)
    done(atelier("users", "edit", "ada", "--clear", "budget", "--role", "viewer"))
    user = shown(atelier("users", "show", "ada", "--json"))
    assert (user["budget"], user["email"], user["role"]) == (None, "ada@example.com", "viewer")

    done(atelier("users", "block", "ada"))
    assert shown(atelier("users", "show", "ada", "--json"))["blocked_at"] is not None
    assert "blocked" in done(atelier("users", "list"))
    done(atelier("users", "unblock", "ada"))
    assert shown(atelier("users", "show", "ada", "--json"))["blocked_at"] is None

    exported = shown(atelier("users", "export", "ada"))
    assert "ada@example.com" in json.dumps(exported)

    told = atelier("users", "erase", "ada", input="bob\n")
    assert told.exit_code == 1
    assert "nothing was erased" in told.stderr
    done(atelier("users", "show", "ada"))
    assert "Erased" in atelier("users", "erase", "ada", input="ada\n").stderr
    assert "ada" not in done(atelier("users", "list"))


def test_a_list_is_aligned_and_says_what_its_columns_are(atelier: Run) -> None:
    assert done(atelier("users", "list")) == ""
    for number in range(3):
        done(atelier("users", "create", "--id", "u" * (number + 1), "--name", "N" * (3 - number)))
    heads, *people = done(atelier("users", "list")).splitlines()
    assert heads.split() == ["ID", "E-MAIL", "NAME", "ROLE", "STATE", "BUDGET"]
    assert {line[heads.index("ROLE") :].split()[0] for line in people} == {"member"}
    assert {each["id"] for each in shown(atelier("users", "list", "--json"))} == {"u", "uu", "uuu"}


def test_a_list_of_many_pages_is_shown_whole(atelier: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.commands.acting._PAGE", 2)
    for number in range(5):
        done(atelier("teams", "create", "--id", f"t{number}", "--name", "x"))
    assert sorted(each["id"] for each in shown(atelier("teams", "list", "--json"))) == ["t0", "t1", "t2", "t3", "t4"]


def test_a_team_and_who_is_in_it(atelier: Run) -> None:
    done(atelier("users", "create", "--id", "ada"))
    made = atelier("teams", "create", "--id", "blog", "--name", "Blog", "--model", "fast", "--model", "smart",
                   "--content", "full", "--retention-days", "30", "--budget", "100")  # fmt: skip
    assert done(made) == "blog"
    assert "ada is a member of blog" in atelier("teams", "add", "blog", "ada").stderr
    done(atelier("teams", "add", "blog", "ada", "--role", "lead"))
    team = shown(atelier("teams", "show", "blog", "--json"))
    assert team["members"] == [{"user": "ada", "role": "lead"}]
    assert (team["models"], team["content"], team["retention_days"]) == (["fast", "smart"], "full", 30)
    assert "ada (lead)" in done(atelier("teams", "show", "blog"))
    assert [each["id"] for each in shown(atelier("users", "list", "--team", "blog", "--json"))] == ["ada"]
    assert shown(atelier("users", "show", "ada", "--json"))["teams"] == [{"team": "blog", "role": "lead"}]

    done(atelier("teams", "edit", "blog", "--name", "The blog", "--clear", "models", "--clear", "retention_days"))
    team = shown(atelier("teams", "show", "blog", "--json"))
    assert (team["name"], team["models"], team["retention_days"], team["budget"]) == ("The blog", None, None, "100")
    done(atelier("teams", "block", "blog"))
    assert "blocked" in done(atelier("teams", "list"))
    done(atelier("teams", "unblock", "blog"))
    done(atelier("teams", "remove", "blog", "ada"))
    assert shown(atelier("teams", "show", "blog", "--json"))["members"] == []


def test_a_brand_until_it_is_archived_and_back(atelier: Run) -> None:
    done(atelier("teams", "create", "--id", "blog", "--name", "Blog"))
    assert done(atelier("brands", "create", "--id", "acme", "--name", "Acme", "--client", "Acme Inc.")) == "acme"
    done(atelier("brands", "edit", "acme", "--team", "blog", "--budget", "0.000000001"))
    brand = shown(atelier("brands", "show", "acme", "--json"))
    assert (brand["client"], brand["team"], brand["budget_nano"]) == ("Acme Inc.", "blog", 1)
    done(atelier("brands", "archive", "acme"))
    assert done(atelier("brands", "list")) == ""
    assert "archived" in done(atelier("brands", "list", "--all"))
    done(atelier("brands", "archive", "acme", "--undo"))
    assert "active" in done(atelier("brands", "list"))


def test_a_key_until_it_is_revoked(atelier: Run) -> None:
    done(atelier("teams", "create", "--id", "blog", "--name", "Blog"))
    made = atelier("keys", "create", "--name", "desk", "--team", "blog", "--role", "lead", "--tag", "a", "--tag", "b",
                   "--days", "2", "--on-disconnect", "continue", "--rpm", "5")  # fmt: skip
    assert done(made).startswith("sk-atl-")
    (key,) = shown(atelier("keys", "list", "--json"))
    assert (key["role"], key["team"], key["tags"], key["on_disconnect"], key["rpm"]) == (
        "lead", "blog", ["a", "b"], "continue", 5,
    )  # fmt: skip
    assert done(made) not in json.dumps(key)
    assert "2" not in done(atelier("keys", "list", "--user", "nobody"))

    done(atelier("keys", "edit", key["id"], "--name", "other", "--clear", "rpm", "--clear", "expires_at"))
    key = shown(atelier("keys", "show", key["id"], "--json"))
    assert (key["name"], key["rpm"], key["expires_at"], key["team"]) == ("other", None, None, "blog")

    rotated = atelier("keys", "rotate", key["id"], "--overlap-hours", "1")
    assert done(rotated).startswith("sk-atl-")
    assert done(rotated) != done(made)
    assert "the old key works until" in rotated.stderr

    done(atelier("keys", "block", key["id"]))
    assert "blocked" in done(atelier("keys", "list"))
    done(atelier("keys", "unblock", key["id"]))
    assert done(atelier("keys", "revoke", key["id"])) == f"Revoked {key['id']} (other)."
    assert done(atelier("keys", "list")) == ""
    assert "revoked" in done(atelier("keys", "list", "--all"))


def test_a_key_of_people_nobody_has_made_makes_them_and_says_so(atelier: Run) -> None:
    made = atelier("keys", "create", "--name", "x", "--user", "ann", "--team", "red")
    done(made)
    assert "Made the team red" in made.stderr
    assert "Made the user ann" in made.stderr
    again = atelier("keys", "create", "--name", "y", "--user", "ann", "--team", "red")
    done(again)
    assert "Made" not in again.stderr
    assert [each["id"] for each in shown(atelier("users", "list", "--json"))] == ["ann"]


def test_a_link_that_works_once(atelier: Run, tmp_path: Path) -> None:
    done(atelier("teams", "create", "--id", "blog", "--name", "Blog"))
    made = atelier("invite", "--email", "ada@example.com", "--team", "blog", "--role", "lead", "--days", "1")
    address, _, token = done(made).partition("#")
    assert address == "http://127.0.0.1:8501/join"
    assert token.startswith("inv-atl-")
    assert token not in made.stderr
    assert done(atelier("invite", "--url", "https://atelier.example/")).startswith("https://atelier.example/join#inv-")
    done(atelier("invite", "--admin"))
    done(atelier("users", "create", "--id", "ada", "--email", "ada@example.com"))
    assert "/new-password#inv-" in done(atelier("invite", "--user", "ada"))


def test_a_link_leads_to_the_dashboard_of_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yaml").write_text(GOOD.replace("enabled: false", 'url: "https://texts.example"'))
    monkeypatch.chdir(tmp_path)
    made = CliRunner(env={"ATELIER_DATA_DIR": str(tmp_path / "data")}).invoke(cli, ["invite"])
    assert done(made).startswith("https://texts.example/join#inv-")


@pytest.mark.parametrize(
    "arguments",
    [
        ["users", "show", "nobody"],
        ["users", "edit", "nobody", "--name", "x"],
        ["users", "block", "nobody"],
        ["users", "export", "nobody"],
        ["users", "erase", "nobody", "--yes"],
        ["users", "create", "--email", "no address"],
        ["teams", "show", "nothing"],
        ["teams", "add", "nothing", "nobody"],
        ["teams", "remove", "nothing", "nobody"],
        ["brands", "show", "nothing"],
        ["brands", "archive", "nothing"],
        ["brands", "create", "--name", "x", "--team", "nothing"],
        ["keys", "show", "k_nothing"],
        ["keys", "edit", "k_nothing", "--name", "x"],
        ["keys", "rotate", "k_nothing"],
        ["keys", "block", "k_nothing"],
        ["keys", "revoke", "k_nothing"],
        ["invite", "--team", "nothing"],
        ["invite", "--admin", "--role", "lead"],
        ["invite", "--user", "nobody"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_done_is_a_sentence(tmp_path: Path, arguments: list[str]) -> None:
    told = refused(CliRunner(env={"ATELIER_DATA_DIR": str(tmp_path)}).invoke(cli, arguments))
    assert told.endswith(".\n")


@pytest.mark.parametrize("typed", ["-1", "x", "nan", "inf", "0.0000000001"])
def test_money_is_an_amount_of_whole_nano_dollars(tmp_path: Path, typed: str) -> None:
    env = {"ATELIER_DATA_DIR": str(tmp_path)}
    told = CliRunner(env=env).invoke(cli, ["users", "create", "--budget", typed])
    assert told.exit_code == 2
    assert "--budget" in told.stderr


def test_a_configuration_that_is_broken_is_told_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("server: {prot: 1}\n")
    told = CliRunner(env={"ATELIER_DATA_DIR": str(tmp_path / "data")}).invoke(cli, ["teams", "list"])
    assert (told.exit_code, told.stdout) == (1, "")
    assert "server.prot" in told.stderr
    assert not (tmp_path / "data").exists()


def test_the_store_of_the_configuration_is_used(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = f"store: {{database_url: '{postgres_url}', redis_url: 'redis://127.0.0.1:1/0'}}\n"
    (tmp_path / "here.yaml").write_text(GOOD + store)
    env = {"ATELIER_DATA_DIR": str(tmp_path / "data"), "ATELIER_SECRET": "x" * 32}
    done(CliRunner(env=env).invoke(cli, ["teams", "create", "--name", "x", "--id", "t", "--config", "here.yaml"]))
    env["ATELIER_DATABASE_URL"] = postgres_url
    assert [row[0] for row in rows(CliRunner(env=env).invoke(cli, ["teams", "list"]))] == ["ID", "t"]


def test_with_postgresql_the_secret_has_to_be_there(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where a secret of an embedded set-up still lies: the gateways use another one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.key").write_bytes(bytes(32))
    env = {"ATELIER_DATA_DIR": str(tmp_path), "ATELIER_DATABASE_URL": postgres_url}
    assert "ATELIER_SECRET" in refused(CliRunner(env=env).invoke(cli, ["keys", "list"]))


def test_a_server_that_is_away_is_a_sentence_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = "postgresql://atelier:canary@127.0.0.1:1/x"
    env = {"ATELIER_DATA_DIR": str(tmp_path), "ATELIER_DATABASE_URL": url, "ATELIER_SECRET": "x" * 32}
    assert "canary" not in refused(CliRunner(env=env).invoke(cli, ["users", "list"]))


def test_a_table_of_nothing_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    say_table(["A"], [])
    assert capsys.readouterr().out == ""
