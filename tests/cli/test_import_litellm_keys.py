"""`atelier import-litellm --database-url`: clients keep their keys, with limits, budgets and what they have spent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlmodel import SQLModel, select

from gateway.accounts import CLI, Accounts
from gateway.cli import cli
from gateway.clock import SystemClock
from gateway.errors import Unauthenticated
from gateway.identities import KeyIdentities
from gateway.store.database import open_database
from gateway.store.directory import AuditEntry, Membership, Team, User
from gateway.store.directory_reader import SqlDirectory
from gateway.store.secrets import Digesters, load_or_create_secret
from gateway.store.tables import Account, VirtualKey
from gateway.types import Identity
from tests.cli.litellm_database import a_key, add, contents, fill, hashed, run
from tests.harness import GatewayThread, wait_until
from tests.servers import PostgresServer

FILE = """\
model_list:
  - {model_name: gpt, litellm_params: {model: openai/gpt-6-luna, api_key: sk-of-the-provider}}
"""
NOW = datetime.now(UTC)
DAY = 86_400.0
SECRET = "a secret of this test"


@dataclass
class Move:
    """LiteLLM's database, a store of ours, and the command between the two."""

    litellm: str
    folder: Path
    store: str | None = None
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.file = self.folder / "litellm.yaml"
        self.file.write_text(FILE)
        self.data = self.folder / "data"
        self.env = {"ATELIER_DATA_DIR": str(self.data), **self.env}
        if self.store is not None:
            self.env |= {
                "ATELIER_DATABASE_URL": self.store,
                "ATELIER_SECRET": SECRET,
                "ATELIER_REDIS_URL": "redis://127.0.0.1:1/0",
            }

    def run(self, *options: str, url: str | None = None) -> Result:
        arguments = ["import-litellm", str(self.file), "--keys-only", "--database-url", url or self.litellm, *options]
        return CliRunner(env=self.env).invoke(cli, arguments)

    def done(self, *options: str) -> str:
        result = self.run(*options)
        assert result.exit_code == 0, result.output
        return result.stdout

    def ask(self, work: Callable[[Any], Any]) -> Any:
        """Run `work` on our store's database."""

        async def opened() -> Any:
            database = await open_database(self.data, self.store, exclusive=False)
            try:
                return await work(database)
            finally:
                await database.close()

        return asyncio.run(opened())

    def rows(self, table: type[SQLModel]) -> list[Any]:
        async def read(database: Any) -> Any:
            async with database.session() as session:
                return list((await session.exec(select(table))).all())

        found: list[Any] = self.ask(read)
        return found

    def one(self, table: type[SQLModel], **wanted: Any) -> Any:
        (row,) = [row for row in self.rows(table) if all(getattr(row, name) == value for name, value in wanted.items())]
        return row

    def key(self, name: str) -> VirtualKey:
        found: VirtualKey = self.one(VirtualKey, name=name)
        return found

    def account(self, scope: str) -> Account:
        found: Account = self.one(Account, scope=scope)
        return found

    def identify(self, secret: str) -> Identity:
        """As a gateway on this store would."""

        async def look(database: Any) -> Identity:
            keys = Digesters(self.secret).keys
            identities = KeyIdentities(SqlDirectory(database.engine), keys, SystemClock(), None, 60.0)
            return await identities.identify(secret)

        found: Identity = self.ask(look)
        return found

    def accounts(self, work: Callable[[Accounts], Any]) -> Any:
        return self.ask(lambda database: work(Accounts(database.engine, Digesters(self.secret), SystemClock())))

    @property
    def secret(self) -> bytes:
        return SECRET.encode() if self.store is not None else load_or_create_secret(self.data)


@pytest.fixture(params=["sqlite", "postgresql"])
def move(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str, postgres_server: PostgresServer) -> Any:
    store = postgres_server.fresh() if request.param == "postgresql" else None
    yield Move(postgres_url, tmp_path, store)
    if store is not None:
        postgres_server.drop(store)


@pytest.fixture
def embedded(tmp_path: Path, postgres_url: str) -> Move:
    return Move(postgres_url, tmp_path)


def test_a_client_goes_on_with_its_old_key(gateway: GatewayThread, tmp_path: Path, postgres_url: str) -> None:
    fill(
        postgres_url,
        teams=[{"team_id": "writers", "team_alias": "Writers", "models": ["echo", "gpt"], "blocked": False}],
        users=[{"user_id": "ida", "models": [], "user_role": "internal_user"}],
        keys=[
            a_key("sk-old-desk", key_alias="desk", team_id="writers", user_id="ida", models=["all-team-models"]),
            a_key("sk-old-poor", key_alias="poor", max_budget=0.000001, spend=0.000001, models=["echo"]),
            a_key("sk-old-shut", key_alias="shut", blocked=True),
        ],
    )
    move = Move(postgres_url, tmp_path)
    move.data, move.env["ATELIER_DATA_DIR"] = gateway.data_dir, str(gateway.data_dir)
    assert "keys: 3 brought here, 0 here already" in move.done()

    def ask(key: str, model: str) -> Any:
        with gateway.http(key) as http:
            body = {"model": model, "messages": [{"role": "user", "content": "still here?"}], "max_tokens": 50}
            return http.post("/v1/chat/completions", json=body)

    wait_until(lambda: ask("sk-old-desk", "echo").status_code == 200, "the old key's first answer", timeout=5)
    assert ask("sk-old-desk", "echo").json()["choices"][0]["message"]["content"] == "still here?"
    assert ask("sk-old-desk", "claude").json()["error"]["code"] == "model_not_allowed"
    assert ask("sk-old-poor", "echo").json()["error"]["code"] == "insufficient_quota"
    assert "blocked" in ask("sk-old-shut", "echo").json()["error"]["message"]
    assert ask("sk-old-other", "echo").status_code == 401
    with gateway.http("sk-old-desk") as http:
        me = http.get("/v1/me").json()
    assert (me["user"], me["team"], sorted(me["models"])) == ("ida", "writers", ["echo", "gpt"])


def test_everything_that_has_a_place_comes_along(move: Move) -> None:
    reset = NOW + timedelta(days=10)
    expires = (NOW + timedelta(days=99)).replace(microsecond=0)
    fill(
        move.litellm,
        budgets=[{"budget_id": "b1", "max_budget": 7.0, "budget_duration": "7d", "rpm_limit": 9, "tpm_limit": 5}],
        teams=[
            {
                "team_id": "red", "team_alias": "Red", "models": ["gpt"], "max_budget": 100.0, "spend": 1.5,
                "members_with_roles": [{"role": "admin", "user_id": "lea"}, {"role": "user", "user_id": "ida"}],
            },
            {"team_id": "shut", "blocked": True, "models": []},
        ],
        users=[
            {"user_id": "lea", "user_email": "Lea@Example.com", "user_alias": "Lea L.", "user_role": "proxy_admin"},
            {"user_id": "ida", "max_budget": 2.0, "budget_duration": "1d", "spend": 0.25, "models": []},
        ],
        keys=[
            a_key(
                "sk-full-1234", key_alias="full", team_id="red", user_id="ida", models=["gpt", "openai/*"],
                max_budget=12.5, budget_duration="30d", budget_reset_at=reset, spend=3.25, rpm_limit=60,
                max_parallel_requests=4, expires=expires, metadata={"tags": ["a", "b"], "desk": 4, "test_key": True},
            ),
            a_key("sk-shared-5678", key_alias="shared", budget_id="b1", spend=0.5),
        ],
    )  # fmt: skip
    said = move.done()
    assert "users: 2 brought here, 0 here already" in said
    assert "teams: 2 brought here, 0 here already" in said

    full = move.identify("sk-full-1234")
    assert (full.name, full.user, full.team, full.role) == ("full", "ida", "red", "member")
    assert full.models is not None
    assert sorted(full.models) == ["gpt"]  # what key and team have in common
    assert (full.rpm, full.max_parallel, full.tags, full.expires_at) == (60, 4, ("a", "b"), expires.timestamp())
    assert not full.test_key
    key = move.key("full")
    assert (key.models, key.prefix, key.extra) == (["gpt", "openai/*"], "sk-...1234", {"desk": 4})
    account = move.account(f"key:{key.id}")
    assert (account.limit_nano, account.spent_nano, account.budget_window) == (12_500_000_000, 3_250_000_000, "30d")
    assert account.resets_at == pytest.approx(reset.timestamp(), abs=0.01)
    assert account.window_started_at == pytest.approx(reset.timestamp() - 30 * DAY, abs=0.01)

    shared = move.account(f"key:{move.key('shared').id}")
    assert (shared.limit_nano, shared.spent_nano, shared.budget_window) == (7 * 10**9, 5 * 10**8, "7d")
    assert move.identify("sk-shared-5678").rpm == 9
    assert "1 key: tpm_limit: the limits here are requests a minute, requests at once, and money (shared)" in said

    lea = move.one(User, id="lea")
    assert (lea.email, lea.name, lea.role) == ("lea@example.com", "Lea L.", "admin")
    assert move.account("user:ida").spent_nano == 250_000_000
    assert (move.account("team:red").limit_nano, move.account("team:red").spent_nano) == (100 * 10**9, 15 * 10**8)
    assert move.one(Team, id="shut").blocked_at is not None
    members = {(row.team_id, row.user_id): row.role for row in move.rows(Membership)}
    assert members == {("red", "lea"): "lead", ("red", "ida"): "member"}
    entries = move.rows(AuditEntry)
    assert {entry.actor for entry in entries} == {"cli"}
    assert [entry.action for entry in entries].count("key.create") == 2
    assert not any(hashed("sk-full-1234") in str(entry.after) for entry in entries)


def test_a_second_time_changes_nothing(move: Move) -> None:
    fill(
        move.litellm,
        teams=[
            {"team_id": "red", "models": [], "members_with_roles": [{"role": "user", "user_id": "ann@example.com"}]}
        ],
        users=[{"user_id": "ann@example.com", "spend": 1.0, "models": []}, {"user_id": "with space", "models": []}],
        keys=[
            a_key("sk-one", key_alias="one", team_id="red", user_id="ann@example.com", spend=1.0),
            a_key("sk-two", key_alias="two", user_id="nobody said more"),
        ],
    )
    before = contents(move.litellm)
    move.done()
    tables = (VirtualKey, User, Team, Membership, Account, AuditEntry)
    there = [sorted(map(repr, move.rows(table))) for table in tables]
    said = move.done()
    assert "keys: 0 brought here, 2 here already" in said
    assert "users: 0 brought here, 2 here already" in said
    assert said.endswith("Nothing to do: all of it is here.\n")
    assert [sorted(map(repr, move.rows(table))) for table in tables] == there
    assert contents(move.litellm) == before
    ann = move.one(User, email="ann@example.com")
    assert ann.id.startswith("u_")
    assert "ann" not in str(there[-1])
    assert move.one(User, name="with space").id.startswith("u_")


def test_what_was_changed_here_meanwhile_stays(move: Move) -> None:
    rows = [a_key(f"sk-{name}", key_alias=name, user_id="ida") for name in ("revoked", "rotated", "edited")]
    team = {"team_id": "red", "models": [], "members_with_roles": [{"role": "user", "user_id": "ida"}]}
    fill(
        move.litellm,
        keys=rows,
        users=[{"user_id": "ida", "models": []}, {"user_id": "eve", "models": []}],
        teams=[team],
    )
    move.done()
    ids = {name: move.key(name).id for name in ("revoked", "rotated", "edited")}

    async def change(accounts: Accounts) -> None:
        await accounts.keys.revoke(CLI, ids["revoked"])
        await accounts.keys.rotate(CLI, ids["rotated"], overlap=0)
        await accounts.keys.edit(CLI, ids["edited"], {"rpm": 3}, None)
        await accounts.teams.remove_member(CLI, "red", "ida")
        await accounts.users.erase(CLI, "eve")

    move.accounts(change)
    add(move.litellm, keys=[a_key("sk-new", key_alias="new"), a_key("sk-eve", key_alias="eves", user_id="eve")])
    said = move.done()
    assert "keys: 1 brought here, 3 here already, 1 left out" in said
    assert "this person was erased here (eve)" in said
    for secret in ("sk-revoked", "sk-rotated", "sk-eve"):
        with pytest.raises(Unauthenticated):
            move.identify(secret)
    assert move.identify("sk-edited").rpm == 3
    assert move.identify("sk-new").name == "new"
    assert move.rows(Membership) == []
    assert "eve" not in {row.id for row in move.rows(User)}


def test_check_says_it_all_and_changes_nothing_anywhere(move: Move) -> None:
    fill(move.litellm, keys=[a_key("sk-one", key_alias="one", tpm_limit=7)], users=[{"user_id": "ida", "models": []}])
    before = contents(move.litellm)
    said = move.done("--check")
    assert "keys: 1 would be brought here, 0 here already" in said
    assert "tpm_limit" in said
    assert not move.data.exists()
    if move.store is not None:
        assert run(move.store, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []
    move.done()
    add(move.litellm, keys=[a_key("sk-two", key_alias="two")])
    files = {path: path.read_bytes() for path in move.data.rglob("*.db")} if move.data.exists() else {}
    assert "keys: 1 would be brought here, 1 here already" in move.done("--check")
    assert {path: path.read_bytes() for path in files} == files
    assert len(move.rows(VirtualKey)) == 1
    assert [row for row in contents(move.litellm)["LiteLLM_UserTable"] if row not in before["LiteLLM_UserTable"]] == []


def test_special_names_of_models_are_translated(embedded: Move) -> None:
    fill(
        embedded.litellm,
        teams=[{"team_id": "all", "models": ["all-proxy-models"]}, {"team_id": "few", "models": ["a", "b"]}],
        users=[
            {"user_id": "none", "models": ["no-default-models"]},
            {"user_id": "some", "models": ["a", "b"]},
            {"user_id": "any", "models": ["all-proxy-models"]},
        ],
        keys=[
            a_key("sk-1", key_alias="everything", models=["all-proxy-models"], team_id="all"),
            a_key("sk-2", key_alias="team's", models=["all-team-models"], team_id="few"),
            a_key("sk-3", key_alias="both", models=["b", "c"], team_id="few"),
            a_key("sk-4", key_alias="personal none", user_id="none", models=["a"]),
            a_key("sk-5", key_alias="personal some", user_id="some", models=["b", "c"]),
            a_key("sk-6", key_alias="personal all", user_id="some"),
            a_key("sk-7", key_alias="personal any", user_id="any"),
            a_key("sk-8", key_alias="stray", models=["all-team-models"]),
        ],
    )
    embedded.done()
    found = [embedded.identify(f"sk-{number}").models for number in range(1, 9)]
    some = [None if models is None else sorted(models) for models in found]
    assert some == [None, ["a", "b"], ["b"], [], ["b"], ["a", "b"], None, []]


def test_what_is_of_no_use_is_left_out_with_its_reason(embedded: Move) -> None:
    past = NOW - timedelta(days=1)
    fill(
        embedded.litellm,
        keys=[
            a_key("sk-page", key_alias="page", team_id="litellm-dashboard"),
            a_key("sk-past", key_alias="past", expires=past),
            a_key("sk-lost", key_alias="lost", team_id="deleted"),
            a_key("sk-boss", key_alias="boss", allowed_routes=["management_routes"]),
            {"token": "litellm_proxy_master_key", "key_alias": "odd", "models": []},
            {"token": "sk-in-the-clear", "key_alias": "clear", "models": [], "allowed_routes": ["llm_api_routes"]},
        ],
        models=[{"model_id": "m1", "model_name": "by-hand", "litellm_params": {"api_key": "encrypted"}}],
    )
    said = embedded.done()
    for reason in (
        "a session of LiteLLM's dashboard (page)",
        "it has expired (past)",
        "its team is gone (lost)",
        "make a key for admins with `atelier keys create` (boss)",
        "its token is no SHA-256 of a key (odd)",
        "write it into `model_list` (by-hand)",
    ):
        assert reason in said
    assert "keys: 1 brought here, 0 here already, 5 left out" in said
    assert embedded.identify("sk-in-the-clear").name == "clear"
    assert "sk-in-the-clear" not in said


@pytest.mark.parametrize(
    ("duration", "window"),
    [("30d", "30d"), ("24h", "1d"), ("12h", "1d"), ("1mo", "30d"), ("2w", "14d"), ("monthly", "30d"), ("?", None)],
)
def test_budgets_last_whole_days(embedded: Move, duration: str, window: str | None) -> None:
    fill(embedded.litellm, keys=[a_key("sk-one", key_alias="one", max_budget=1.0, budget_duration=duration)])
    said = embedded.done()
    assert embedded.key("one").budget_window == window
    assert (f"budget_duration {duration}" in said) == (duration not in {"30d", "24h", "2w"})


def test_a_window_that_has_ended_begins_anew(embedded: Move) -> None:
    reset = NOW - timedelta(hours=1)
    row = a_key("sk-one", key_alias="one", max_budget=1.0, budget_duration="1d", budget_reset_at=reset, spend=0.9)
    fill(embedded.litellm, keys=[row])
    embedded.done()
    account = embedded.account(f"key:{embedded.key('one').id}")
    assert account.spent_nano == 0
    assert account.resets_at == pytest.approx(time.time() + DAY, abs=60)


def test_odd_rows_do_no_harm(embedded: Move) -> None:
    fill(
        embedded.litellm,
        users=[
            {"user_id": "one", "user_email": "same@example.com", "models": [], "user_role": "internal_user_viewer"},
            {"user_id": "two", "user_email": "SAME@example.com", "models": [], "user_role": "proxy_admin_viewer"},
            {
                "user_id": "three",
                "user_email": "no address",
                "user_alias": "tab\there",
                "models": [],
                "password": "scrypt",
            },
        ],
        teams=[{"team_id": "red", "team_alias": "x" * 300, "models": [], "members_with_roles": {}}],
        keys=[
            a_key("sk-zero", key_alias="zero", rpm_limit=0, user_id="two"),
            a_key("sk-rich", key_alias="rich", max_budget=1e30, rpm_limit=10**9, metadata={"x": "y" * 20_000}),
        ],
    )
    said = embedded.done()
    assert "became a member, for the keys of viewers call no models (two)" in said
    assert "another user has the same one" in said
    assert embedded.one(User, id="one").role == "viewer"
    assert embedded.one(User, id="three").name == "tabhere"
    assert len(embedded.one(Team, id="red").name) == 200
    assert embedded.key("zero").blocked_at is not None
    assert (embedded.key("rich").budget_nano, embedded.key("rich").rpm) == (10**18, None)


def test_an_older_versions_tables_will_do(embedded: Move) -> None:
    fill(embedded.litellm, keys=[a_key("sk-one", key_alias="one", rpm_limit=5)])
    for statement in (
        'DROP TABLE "LiteLLM_TeamMembership"',
        'ALTER TABLE "LiteLLM_VerificationToken" DROP COLUMN "allowed_routes", DROP COLUMN "budget_id"',
        'DROP TABLE "LiteLLM_BudgetTable"',
    ):
        run(embedded.litellm, statement)
    embedded.done()
    assert embedded.identify("sk-one").rpm == 5


def test_prismas_parameters_in_the_address_are_understood(embedded: Move) -> None:
    fill(embedded.litellm, keys=[a_key("sk-one", key_alias="one")])
    url = f"{embedded.litellm}?schema=public&connection_limit=5&sslmode=disable&pgbouncer=true"
    result = embedded.run(url=url)
    assert result.exit_code == 0, result.output


def test_a_wrong_database_is_a_sentence(embedded: Move) -> None:
    for url, reason in (
        (embedded.litellm, "has no table"),
        ("postgresql://me:hunter22@127.0.0.1:1/litellm", "cannot be read"),
        ("mysql://me:hunter22@127.0.0.1/litellm", "begins with postgresql://"),
        ("nonsense", "cannot be read; write it as"),
    ):
        result = embedded.run(url=url)
        assert (result.exit_code, result.stdout) == (1, "")
        assert reason in result.stderr
        assert result.stderr.count("\n") == 1
        assert "hunter22" not in result.output
    assert not embedded.data.exists()
