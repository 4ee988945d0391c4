"""A person's data: all of it can be taken out, and none of it stays when the person is erased; the money does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlmodel import col, func, select

from gateway.accounts import CLI, Actor, NewSession, erasure, export
from gateway.accounts.erasure import Erasure
from gateway.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from gateway.store import directory, tables
from gateway.store.tables import Account, Content, LedgerLine, Request, SpendDay, SpendRollup
from tests.accounts.conftest import PASSWORD, World

KEPT = {"audit"}  # append-only, and ids name nobody


@pytest.fixture
async def ada(teams: World) -> NewSession:
    """A person of whom there is something in every table."""
    accounts = teams.accounts
    await teams.person("ada", "red", email="ada@lovelace.org", name="Ada L.", budget=900)
    _, token = await accounts.invitations.create(CLI, email="ada@lovelace.org", user="ada")
    session = await accounts.invitations.accept(token, email="ada@lovelace.org", name=None, password=PASSWORD)
    actor = await teams.actor(session.token)
    await accounts.keys.create(actor, name="Ada's laptop", metadata={"owner": "Ada L."})
    await accounts.invitations.create(CLI, email="ada@lovelace.org")
    async with teams.database.session() as db:
        for number in range(5):
            request = a_request(f"g{number}", team="red" if number % 2 else None)
            if number == 4:
                request.hold_scopes, request.hold_nano, request.hold_state = ["key:k", "user:ada"], 10, "held"
            db.add(request)
            await db.flush()
            db.add(a_line(f"g{number}", team="red" if number % 2 else None))
            db.add(Content(request_id=f"g{number}", tenant="user:ada", user="ada", prompt=["secret"], created_at=1.0))
            db.add(a_rollup(number))
            db.add(SpendDay(**a_rollup(number).model_dump()))
        account = await db.get_one(Account, "user:ada")
        account.spent_nano, account.held_nano = 35, 10
        await db.commit()
    return session


def a_request(request_id: str, team: str | None = None, user: str = "ada") -> Request:
    return Request(
        id=request_id,
        x_request_id="r",
        key_id="k",
        tenant=f"team:{team}" if team else f"user:{user}",
        user=user,
        team=team,
        endpoint="chat",
        model_requested="m",
        stream=False,
        created_at=1.0,
    )


def a_line(request_id: str, team: str | None = None, user: str = "ada") -> LedgerLine:
    counts = dict.fromkeys(tables.TOKENS, 1)
    return LedgerLine(
        request_id=request_id,
        number=1,
        key_id="k",
        tenant=f"team:{team}" if team else f"user:{user}",
        user=user,
        team=team,
        provider="openai",
        model="m",
        deployment_id="d",
        status="completed",
        cost_nano=7,
        estimated=False,
        late=False,
        price={},
        started_at=1.0,
        ended_at=1.0,
        booked_at=1.0,
        **counts,
    )


def a_rollup(bucket: int, user: str = "ada") -> SpendRollup:
    counts = dict.fromkeys(("cost_nano", "requests", "attempts", "estimated", "input_tokens", "output_tokens"), 7)
    texts = dict.fromkeys(("key_id", "team", "brand", "provider", "model"), "x")
    return SpendRollup(bucket=bucket, tenant=f"user:{user}", user=user, simulated=False, **texts, **counts)


async def everything(world: World) -> dict[str, list[dict[str, Any]]]:
    found = {}
    async with world.database.session() as db:
        for module in (tables, directory):
            for table in vars(module).values():
                if hasattr(table, "__table__"):
                    rows = (await db.exec(select(table))).all()
                    found[str(table.__tablename__)] = [row.model_dump() for row in rows]
    return found


async def money(world: World) -> tuple[int, int, int, int, int]:
    async with world.database.session() as db:
        lines = (await db.exec(select(func.sum(LedgerLine.cost_nano), func.count()))).one()
        rolled = (await db.exec(select(func.sum(SpendRollup.cost_nano)))).one()
        accounts = (await db.exec(select(func.sum(Account.spent_nano), func.sum(Account.held_nano)))).one()
    return tuple(int(number or 0) for number in (*lines, rolled, *accounts))  # type: ignore[return-value]


async def test_nothing_of_the_person_is_left_but_the_money(
    teams: World, ada: NewSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "STEP", 2)
    before = await money(teams)
    new = await teams.accounts.users.erase(CLI, "ada")
    assert new.startswith("erased-")
    for table, rows in (await everything(teams)).items():
        text = repr(rows)
        for trace in (
            "lovelace",
            "Ada",
            PASSWORD,
            "$argon2",
            *(("'ada'", ":ada'", "/ada'") if table not in KEPT else ()),
        ):
            assert trace not in text, table
        assert table != "content" or rows == []
    assert await money(teams) == before
    async with teams.database.session() as db:
        assert await db.get(Account, "user:ada") is None
        account = await db.get_one(Account, f"user:{new}")
        holds = (await db.exec(select(Request.hold_scopes).where(col(Request.hold_state) == "held"))).all()
        tenants = set((await db.exec(select(Request.tenant))).all())
    assert (account.limit_nano, account.spent_nano, account.held_nano) == (900, 35, 10)
    assert holds == [["key:k", f"user:{new}"]]
    assert tenants == {"team:red", f"user:{new}"}
    assert set(teams.told.scopes) >= {"user:ada", f"user:{new}"}


async def test_an_erased_person_is_shut_out_and_unknown(teams: World, ada: NewSession) -> None:
    users = teams.accounts.users
    _, secret = await teams.accounts.keys.create(CLI, user="ada")
    new = await users.erase(CLI, "ada")
    for credential in (ada.token, secret):
        with pytest.raises(Unauthenticated):
            await teams.identify(credential)
    with pytest.raises(Unauthenticated):
        await teams.accounts.sign_ins.sign_in("ada@lovelace.org", PASSWORD)
    for act in (users.get(CLI, "ada"), users.erase(CLI, "ada"), users.edit(CLI, "ada", {"name": "x"}, None)):
        with pytest.raises(NotFound):
            await act
    assert [user.id for user in (await users.list(CLI)).items] == []
    assert (await users.get(CLI, new)).erased_at == teams.clock.now()
    assert await users.erase(CLI, new) == new
    assert {change.action for change in teams.told.changes} >= {"user.erase", "key.revoke"}


async def test_an_interrupted_erasure_is_asked_for_again(
    teams: World, ada: NewSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "STEP", 2)
    real, left = Erasure._requests, 2

    async def breaks(self: Erasure, *args: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            raise Unavailable("away", code="store_unavailable")
        return await real(self, *args)

    before = await money(teams)
    monkeypatch.setattr(Erasure, "_requests", breaks)
    with pytest.raises(Unavailable):
        await teams.accounts.users.erase(CLI, "ada")
    with pytest.raises(Unauthenticated):
        await teams.identify(ada.token)
    new = await teams.accounts.users.erase(CLI, "ada")
    assert await money(teams) == before
    async with teams.database.session() as db:
        assert set((await db.exec(select(LedgerLine.user))).all()) == {new}
    assert len([entry for entry in await teams.audit() if entry.action == "user.erase"]) == 1


async def test_what_was_waiting_is_swept_up_by_asking_again(teams: World, ada: NewSession) -> None:
    new = await teams.accounts.users.erase(CLI, "ada")
    async with teams.database.session() as db:
        db.add(a_request("late"))
        await db.flush()
        db.add(a_line("late"))
        db.add(a_rollup(0))  # its name is taken by an earlier one
        db.add(Account(scope="user:ada", spent_nano=7, window_started_at=1.0))
        await db.commit()
    before = await money(teams)
    assert await teams.accounts.users.erase(CLI, "ada") == new
    assert await money(teams) == before
    async with teams.database.session() as db:
        assert (await db.get_one(Account, f"user:{new}")).spent_nano == 42
        assert set((await db.exec(select(SpendRollup.user))).all()) == {new}


async def test_others_are_left_alone(teams: World, ada: NewSession) -> None:
    await teams.person("adam", "red", email="adam@x.org", name="Adam")
    async with teams.database.session() as db:
        db.add(a_request("other", user="adam"))
        await db.commit()
    await teams.accounts.users.erase(CLI, "ada")
    assert (await teams.accounts.users.get(CLI, "adam")).email == "adam@x.org"
    async with teams.database.session() as db:
        assert (await db.get_one(Request, "other")).tenant == "user:adam"


async def test_the_export_has_everything_and_no_secret(
    teams: World, ada: NewSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "PAGE", 2)
    actor = await teams.actor(ada.token)
    found = json.loads(b"".join([piece async for piece in await teams.accounts.users.export(actor, "ada")]))
    assert (found["object"], found["profile"]["email"]) == ("export", "ada@lovelace.org")
    assert [each["team_id"] for each in found["memberships"]] == ["red"]
    assert [each["name"] for each in found["keys"]] == ["Ada's laptop"]
    assert [each["id"] for each in found["sessions"]] == [ada.id]
    assert len(found["invitations"]) == 2
    assert [(each["id"], len(each["attempts"])) for each in found["requests"]] == [(f"g{n}", 1) for n in range(5)]
    assert [each["prompt"] for each in found["content"]] == [["secret"]] * 5
    assert found["accounts"][0]["spent_nano"] == 35
    assert {each["action"] for each in found["acts"]} == {"invitation.accept", "session.create", "key.create"}
    assert "digest" not in json.dumps(found).replace("prompt_digest", "")
    assert "argon2" not in json.dumps(found)


async def test_whose_data_it_is_not_gets_none(teams: World, ada: NewSession) -> None:
    lead = await teams.person("lea", "red", "lead")
    with pytest.raises(Forbidden):
        await teams.accounts.users.export(lead, "ada")
    with pytest.raises(NotFound):
        await teams.accounts.users.export(Actor("user:x", "member", "x", "red"), "ada")
    with pytest.raises(Forbidden):
        await teams.accounts.users.erase(await teams.actor(ada.token), "ada")
    empty = json.loads(b"".join([piece async for piece in await teams.accounts.users.export(lead, "lea")]))
    assert (empty["requests"], empty["content"]) == ([], [])


async def test_the_audit_log_is_read_by_admins_and_leads(teams: World, ada: NewSession) -> None:
    audit = teams.accounts.audit
    lead = await teams.person("lea", "red", "lead")
    await teams.accounts.users.create(CLI, id="other")
    whole = await audit.list(CLI, limit=200)
    assert [entry.id for entry in whole.items] == sorted((entry.id for entry in whole.items), reverse=True)
    seen = (await audit.list(lead, limit=200)).items
    assert {entry.team for entry in seen} == {"red"}
    assert {entry.id for entry in seen} == {entry.id for entry in whole.items if entry.team == "red"}
    by_ada = await audit.list(CLI, actor_id="user:ada", object_type="key")
    assert [entry.action for entry in by_ada.items] == ["key.create"]
    pages, after = [], None
    for _ in range(100):
        page = await audit.list(CLI, after=after, limit=3)
        pages += page.items
        after = page.next
        if after is None:
            break
    assert tuple(pages) == whole.items
    with pytest.raises(Forbidden):
        await audit.list(await teams.actor(ada.token))
