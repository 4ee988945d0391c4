"""Invitations, passwords and sessions: each link works once, each session ends everywhere, and nobody is told who exists."""

from __future__ import annotations

import asyncio

import pytest
from sqlmodel import select

from gateway.accounts import CLI, Accounts, Actor, NewSession
from gateway.accounts.passwords import Passwords
from gateway.accounts.sign_ins import TRIES_BY_ADDRESS, TRIES_BY_EMAIL, WINDOW
from gateway.errors import Conflict, Forbidden, NotFound, RateLimited, Unauthenticated, Unprocessable
from gateway.state.throttle import MemoryThrottle
from gateway.store.directory import Invitation, SignIn, User
from tests.accounts.conftest import CHEAP, PASSWORD, World

OTHER = "quite another one"


async def join(world: World, email: str, actor: Actor = CLI, **invitation: object) -> NewSession:
    _, token = await world.accounts.invitations.create(actor, **invitation)  # type: ignore[arg-type]
    return await world.accounts.invitations.accept(token, email=email, name="Somebody", password=PASSWORD)


async def test_an_invitation_makes_a_member_who_can_sign_in(teams: World) -> None:
    lead = await teams.person("lea", "red", "lead")
    session = await join(teams, "Ada@x.org", lead, role="lead")
    identity = await teams.identify(session.token)
    assert (identity.user, identity.team, identity.role) == (session.user.id, "red", "lead")
    assert (identity.session_id, identity.expires_at) == (session.id, teams.clock.now() + 43_200)
    assert identity.scopes == (f"user:{session.user.id}", "team:red")
    assert (session.user.email, session.user.can_sign_in, session.user.role) == ("ada@x.org", True, "member")
    again = await teams.accounts.sign_ins.sign_in("ADA@x.org ", PASSWORD, "10.0.0.1")
    assert again.user.id == session.user.id
    assert again.token != session.token
    assert again.token not in repr(again)


async def test_an_invitation_works_once(world: World) -> None:
    _, token = await world.accounts.invitations.create(CLI)
    tries = [
        world.accounts.invitations.accept(token, email=f"p{n}@x.org", name=None, password=PASSWORD) for n in range(4)
    ]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, NewSession) for result in results) == 1
    assert sum(isinstance(result, NotFound) for result in results) == 3
    assert len((await world.accounts.users.list(CLI)).items) == 1


async def test_unknown_used_revoked_and_expired_invitations_get_one_answer(world: World) -> None:
    invitations = world.accounts.invitations
    tokens = ["inv-atl-nothing", "", "\ud800", "x" * 100_000]
    info, token = await invitations.create(CLI)
    assert (await invitations.revoke(CLI, info.id)).revoked_at == world.clock.now()
    tokens.append(token)
    _, used = await invitations.create(CLI)
    await invitations.accept(used, email="a@x.org", name=None, password=PASSWORD)
    tokens.append(used)
    _, late = await invitations.create(CLI, expires_in=60)
    world.clock.advance(60)
    tokens.append(late)
    answers = set()
    for each in tokens:
        with pytest.raises(NotFound) as caught:
            await invitations.accept(each, email="b@x.org", name=None, password=PASSWORD)
        answers.add(str(caught.value.body()))
    assert len(answers) == 1


async def test_an_invitation_may_be_for_one_address_which_is_forgotten_afterwards(world: World) -> None:
    invitations = world.accounts.invitations
    info, token = await invitations.create(CLI, email="Ada@x.org")
    assert info.email == "ada@x.org"
    with pytest.raises(Unprocessable) as caught:
        await invitations.accept(token, email="eve@x.org", name=None, password=PASSWORD)
    assert caught.value.param == "email"
    await invitations.accept(token, email="ada@X.org", name=None, password=PASSWORD)
    (listed,) = (await invitations.list(CLI)).items
    assert (listed.email, listed.used_at) == (None, world.clock.now())
    _, second = await invitations.create(CLI)
    with pytest.raises(Conflict) as taken:
        await invitations.accept(second, email="ada@x.org", name=None, password=PASSWORD)
    assert taken.value.code == "already_exists"


async def test_leads_invite_into_their_team_and_no_higher(teams: World) -> None:
    invitations = teams.accounts.invitations
    lead = await teams.person("lea", "red", "lead")
    other, _ = await invitations.create(CLI, team="blue")
    own, _ = await invitations.create(lead)
    assert (own.team, own.role) == ("red", "member")
    assert [each.id for each in (await invitations.list(lead)).items] == [own.id]
    with pytest.raises(NotFound):
        await invitations.revoke(lead, other.id)
    for fields, param in (({"team": "blue"}, "team"), ({"user": "lea"}, "user")):
        with pytest.raises(Forbidden) as caught:
            await invitations.create(lead, **fields)  # type: ignore[arg-type]
        assert caught.value.param == param
    for fields, param in (
        ({"role": "admin"}, "role"),
        ({"role": "owner"}, "role"),
        ({"email": "nobody"}, "email"),
        ({"expires_in": 5.0}, "expires_in"),
        ({"expires_in": float("nan")}, "expires_in"),
    ):
        with pytest.raises(Unprocessable) as refused:
            await invitations.create(lead, **fields)  # type: ignore[arg-type]
        assert refused.value.param == param
    for fields in ({"team": "nowhere"}, {"user": "nobody"}):
        with pytest.raises(Unprocessable):
            await invitations.create(CLI, **fields)  # type: ignore[arg-type]
    with pytest.raises(Forbidden):
        await invitations.create(Actor("user:x", "member", "x", "red"))


async def test_the_first_admin_comes_by_invitation(world: World) -> None:
    _, token = await world.accounts.invitations.create(CLI, email="root@x.org", role="admin")
    session = await world.accounts.invitations.accept(token, email="root@x.org", name="Root", password=PASSWORD)
    assert (await world.identify(session.token)).role == "admin"


async def test_a_lost_password_is_replaced_by_an_invitation_and_sessions_end(world: World) -> None:
    session = await join(world, "ada@x.org")
    _, token = await world.accounts.invitations.create(CLI, user=session.user.id)
    with pytest.raises(NotFound):
        await world.accounts.invitations.accept(token, email="eve@x.org", name=None, password=OTHER)
    new = await world.accounts.invitations.accept(token, email="ada@x.org", name=None, password=OTHER)
    assert new.user.id == session.user.id
    with pytest.raises(Unauthenticated):
        await world.identify(session.token)
    with pytest.raises(Unauthenticated):
        await world.accounts.sign_ins.sign_in("ada@x.org", PASSWORD)
    await world.accounts.sign_ins.sign_in("ada@x.org", OTHER)


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ada@x.org", OTHER),
        ("nobody@x.org", PASSWORD),
        ("svc@x.org", PASSWORD),
        ("not an address", PASSWORD),
        ("ada@x.org", "x" * 100_000),
        ("ada@x.org", "\ud800"),
        ("ada@x.org", ""),
        ("ada@x.org\0", PASSWORD),
        ("' OR 1=1 --@x.org", PASSWORD),
    ],
    ids=ascii,
)
async def test_who_cannot_sign_in_gets_one_answer(world: World, email: str, password: str) -> None:
    await join(world, "ada@x.org")
    await world.accounts.users.create(CLI, email="svc@x.org")
    with pytest.raises(Unauthenticated) as caught:
        await world.accounts.sign_ins.sign_in(email, password[:1_000])
    assert (caught.value.code, caught.value.message) == (
        "invalid_credentials",
        "The e-mail address or the password is wrong.",
    )


async def test_a_stranger_costs_as_much_as_a_wrong_password(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = Passwords(CHEAP)
    verified: list[str] = []
    monkeypatch.setattr(
        type(CHEAP), "verify", lambda _, hashed, __: verified.append(hashed) or (_ for _ in ()).throw(AssertionError)
    )
    for hashed in (None, "$argon2id$stored"):
        with pytest.raises(AssertionError):
            await passwords.verify("x" * 12, hashed)
    assert verified[0].startswith("$argon2id$")
    assert verified[1] == "$argon2id$stored"


async def test_blocked_people_neither_sign_in_nor_stay(world: World) -> None:
    session = await join(world, "ada@x.org")
    await world.accounts.users.edit(CLI, session.user.id, {"blocked": True}, None)
    with pytest.raises(Unauthenticated):
        await world.identify(session.token)
    with pytest.raises(Unauthenticated):
        await world.accounts.sign_ins.sign_in("ada@x.org", PASSWORD)


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "x" * 201,
        "qwertyuiop",
        "PASSWORD123",
        "a" * 12,
        "ada.lovelace@x.org",
        "Ada.Lovelace",
        "\ud800" * 12,
    ],
    ids=lambda value: ascii(value)[:16],
)
async def test_passwords_that_are_easy_are_refused(world: World, password: str) -> None:
    _, token = await world.accounts.invitations.create(CLI)
    with pytest.raises(Unprocessable) as caught:
        await world.accounts.invitations.accept(token, email="ada.lovelace@x.org", name=None, password=password)
    assert caught.value.param == "password"
    assert not password or password not in caught.value.message


async def test_a_password_is_the_same_from_every_keyboard(world: World) -> None:
    _, token = await world.accounts.invitations.create(CLI)
    await world.accounts.invitations.accept(token, email="a@x.org", name=None, password="caf\u00e9 au lait \u212b")
    await world.accounts.sign_ins.sign_in("a@x.org", "cafe\u0301 au lait \u00c5")


async def test_tries_are_counted_by_address_and_by_email(world: World) -> None:
    accounts = Accounts(
        world.database.engine,
        world.digests,
        world.clock,
        throttle=MemoryThrottle(world.clock),
        passwords=Passwords(CHEAP),
    )
    await join(world, "ada@x.org")
    for number in range(TRIES_BY_EMAIL):
        with pytest.raises(Unauthenticated):
            await accounts.sign_ins.sign_in("ada@x.org", OTHER, f"10.0.0.{number}")
    with pytest.raises(RateLimited) as caught:
        await accounts.sign_ins.sign_in("ADA@x.org", PASSWORD, "10.0.0.99")
    assert 0 < (caught.value.retry_after or 0) <= WINDOW
    for number in range(TRIES_BY_ADDRESS):
        with pytest.raises(Unauthenticated):
            await accounts.sign_ins.sign_in(f"p{number}@x.org", OTHER, "10.9.9.9")
    with pytest.raises(RateLimited):
        await accounts.sign_ins.sign_in("someone@x.org", OTHER, "10.9.9.9")
    with pytest.raises(RateLimited):
        await accounts.invitations.accept("x", email="a@x.org", name=None, password=PASSWORD, address="10.9.9.9")
    world.clock.advance(WINDOW)
    await accounts.sign_ins.sign_in("ada@x.org", PASSWORD, "10.9.9.9")


async def test_who_knows_the_password_is_not_counted_out(world: World) -> None:
    accounts = Accounts(
        world.database.engine,
        world.digests,
        world.clock,
        throttle=MemoryThrottle(world.clock),
        passwords=Passwords(CHEAP),
    )
    await join(world, "ada@x.org")
    for number in range(TRIES_BY_EMAIL + 2):
        await accounts.sign_ins.sign_in("ada@x.org", PASSWORD, f"10.0.0.{number}")
    for _ in range(TRIES_BY_EMAIL):
        with pytest.raises(Unauthenticated):
            await accounts.sign_ins.sign_in("ada@x.org", OTHER)
    with pytest.raises(RateLimited):
        await accounts.sign_ins.sign_in("ada@x.org", PASSWORD)


async def test_sessions_are_listed_and_ended(world: World) -> None:
    sign_ins = world.accounts.sign_ins
    first = await join(world, "ada@x.org")
    other = await join(world, "eve@x.org")
    world.clock.advance(1)
    second = await sign_ins.sign_in("ada@x.org", PASSWORD)
    ada, eve = await world.actor(second.token), await world.actor(other.token)
    assert [(each.id, each.current) for each in await sign_ins.list(ada)] == [(second.id, True), (first.id, False)]
    assert [each.id for each in await sign_ins.list(CLI, first.user.id)] == [second.id, first.id]
    for act in (
        sign_ins.end(eve, first.id),
        sign_ins.list(eve, first.user.id),
        sign_ins.end_all(eve, first.user.id),
        sign_ins.end(eve, "s_none"),
        sign_ins.end(eve, "\ud800"),
        sign_ins.end_all(CLI, "nobody"),
    ):
        with pytest.raises(NotFound):
            await act
    await sign_ins.end(ada, first.id)
    await sign_ins.end(ada, first.id)
    with pytest.raises(Unauthenticated):
        await world.identify(first.token)
    assert await sign_ins.end_all(CLI, first.user.id) == 1
    with pytest.raises(Unauthenticated):
        await world.identify(second.token)
    await world.identify(other.token)


async def test_a_session_ends_by_itself(world: World) -> None:
    session = await join(world, "ada@x.org")
    world.clock.advance(43_200)
    with pytest.raises(Unauthenticated):
        await world.identify(session.token)
    assert await world.accounts.sign_ins.list(CLI, session.user.id) == []


async def test_a_changed_password_ends_the_other_sessions(world: World) -> None:
    sign_ins = world.accounts.sign_ins
    first = await join(world, "ada@x.org")
    second = await sign_ins.sign_in("ada@x.org", PASSWORD)
    ada = await world.actor(second.token)
    with pytest.raises(Unauthenticated):
        await sign_ins.change_password(ada, OTHER, "something new here")
    with pytest.raises(Unprocessable) as caught:
        await sign_ins.change_password(ada, PASSWORD, "short")
    assert caught.value.param == "new"
    with pytest.raises(Forbidden):
        await sign_ins.change_password(Actor("key:k", "member", first.user.id, key="k"), PASSWORD, OTHER)
    await sign_ins.change_password(ada, PASSWORD, OTHER)
    await world.identify(second.token)
    with pytest.raises(Unauthenticated):
        await world.identify(first.token)
    await sign_ins.sign_in("ada@x.org", OTHER)


async def test_a_session_turns_to_another_of_its_teams(teams: World) -> None:
    session = await join(teams, "ada@x.org", team="red")
    await teams.accounts.teams.set_member(CLI, "blue", session.user.id, "viewer")
    ada = await teams.actor(session.token)
    assert (await teams.accounts.sign_ins.work_for(ada, "blue")).team == "blue"
    assert (await teams.identify(session.token)).role == "viewer"
    await teams.accounts.teams.create(CLI, id="green", name="Green")
    for team in ("green", "nowhere", "\0"):
        with pytest.raises(NotFound):
            await teams.accounts.sign_ins.work_for(ada, team)
    assert (await teams.accounts.sign_ins.work_for(ada, None)).team is None
    assert (await teams.identify(session.token)).team is None
    with pytest.raises(Forbidden):
        await teams.accounts.sign_ins.work_for(CLI, "blue")


async def test_an_identity_provider_signs_in_whom_an_admin_made(world: World) -> None:
    sign_ins = world.accounts.sign_ins
    await world.accounts.users.create(CLI, id="ada", email="ada@x.org")
    for email, verified in (("ada@x.org", False), ("eve@x.org", True), (None, True)):
        with pytest.raises(Unauthenticated):
            await sign_ins.sign_in_with("https://idp ada", email, email_verified=verified)
    bound = await sign_ins.sign_in_with("https://idp ada", "ADA@x.org", email_verified=True)
    assert bound.user.id == "ada"
    assert (await sign_ins.sign_in_with("https://idp ada", None, email_verified=False)).user.id == "ada"
    with pytest.raises(Unauthenticated):
        await sign_ins.sign_in_with("https://idp other", "ada@x.org", email_verified=True)
    for subject in ("", "\0", "\ud800", "x" * 501):
        with pytest.raises(Unprocessable):
            await sign_ins.sign_in_with(subject, "ada@x.org", email_verified=True)


async def test_the_store_holds_no_token_and_no_password(world: World) -> None:
    _, invitation = await world.accounts.invitations.create(CLI)
    session = await world.accounts.invitations.accept(invitation, email="a@x.org", name=None, password=PASSWORD)
    async with world.database.session() as db:
        rows = [
            row.model_dump() for table in (Invitation, SignIn, User) for row in (await db.exec(select(table))).all()
        ]
    dump = repr(rows) + repr([entry.model_dump() for entry in await world.audit()])
    for secret in (invitation, session.token, PASSWORD, invitation[8:], session.token[9:]):
        assert secret not in dump
    assert "$argon2id$" in dump
