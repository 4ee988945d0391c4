"""The role matrix once more, written by hand from docs/roles.md: who sees what, and who may do what to it.

It shares no line with `gateway.accounts`. Answers: "yes", "hidden" (looks unknown, 404), "no" (403).
"""

from __future__ import annotations

from tests.security.role_world import Caller, Thing

YES, HIDDEN, NO = "yes", "hidden", "no"
ORDER = ["viewer", "member", "lead", "admin"]

# action, or action{field}: who may, beside admins, who may everything. "team": on what is its team's; "own": on its own.
MAY: dict[str, dict[str, str]] = {
    "user.create": {},
    "user.edit": {},
    "user.edit{name}": {"lead": "own", "member": "own", "viewer": "own"},
    "user.export": {"lead": "own", "member": "own", "viewer": "own"},
    "team.create": {},
    "team.edit": {},
    "team.edit{name}": {"lead": "team"},
    "member.set": {"lead": "team"},
    "member.remove": {"lead": "team"},
    "brand.create": {"lead": "team"},
    "brand.create{budget}": {},
    "brand.create{budget_window}": {},
    "brand.edit": {"lead": "team"},
    "brand.edit{team}": {},
    "brand.edit{budget}": {},
    "brand.edit{budget_window}": {},
    "key.create": {"lead": "team", "member": "own"},
    "key.create{test_key}": {},
    "key.edit": {"lead": "team", "member": "own"},
    "key.edit{test_key}": {},
    "key.edit{user}": {},
    "key.edit{team}": {},
    "key.rotate": {"lead": "team", "member": "own"},
    "key.revoke": {"lead": "team", "member": "own"},
    "invitation.create": {"lead": "team"},
    "invitation.create{user}": {},
    "invitation.revoke": {"lead": "team"},
    "session.list": {"lead": "own", "member": "own", "viewer": "own"},
    "session.end": {"lead": "own", "member": "own", "viewer": "own"},
    "audit.list": {"lead": "team"},
    "config.get": {},
    "config.edit": {},
}


def sees(caller: Caller, thing: Thing) -> bool:
    """Whether it is there at all, as far as this caller is concerned."""
    if caller.role == "admin":
        return True
    mine = thing.user == caller.user and thing.kind in {"user", "key", "session"}
    ours = caller.team is not None and caller.team in thing.teams
    match thing.kind:
        case "user" | "key":
            return mine or (caller.role == "lead" and ours) or thing.id == caller.key
        case "team":
            return ours
        case "brand":
            return ours or not thing.teams
        case "session":
            return mine
        case "invitation":
            return caller.role == "lead" and ours
    raise AssertionError(thing.kind)


def within(caller: Caller, thing: Thing, reach: str) -> bool:
    mine = thing.user is not None and thing.user == caller.user
    ours = caller.team is not None and caller.team in thing.teams
    return mine or (reach == "team" and ours)


def reach(caller: Caller, action: str, field: str | None = None) -> str | None:
    row = MAY.get(f"{action}{{{field}}}", MAY[action])
    return "all" if caller.role == "admin" else row.get(caller.role)


def expected(caller: Caller, action: str, thing: Thing, field: str | None = None) -> str:
    """What becomes of an action on something."""
    if not sees(caller, thing):
        return HIDDEN
    how = reach(caller, action, field)
    if how == "all":
        return YES
    return YES if how is not None and within(caller, thing, how) else NO


def at_most(role: str, ceiling: str) -> bool:
    return ORDER.index(role) <= ORDER.index(ceiling)
