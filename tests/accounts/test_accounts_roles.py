"""The role matrix: what the code says, what docs/roles.md says, and what the small functions make of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.accounts import fields, roles
from gateway.accounts.roles import OTHER_FIELDS, RULES, Reach
from gateway.errors import Forbidden

PAGE = (Path(__file__).parents[2] / "docs" / "roles.md").read_text()
ROW = re.compile(r"^\| `([a-z.]+)`(?: \{([a-z_, ]+)\})? \| (\w+) \| (\w+) \| (\w+) \| (\w+) \|$", re.MULTILINE)


def test_the_page_has_every_rule_and_no_other() -> None:
    written = [
        (row[0], tuple(row[1].split(", ")) if row[1] else (OTHER_FIELDS,), *row[2:]) for row in ROW.findall(PAGE)
    ]
    assert written == [(rule.action, rule.fields, rule.admin, rule.lead, rule.member, rule.viewer) for rule in RULES]


def test_each_field_has_one_rule() -> None:
    named = [(rule.action, field) for rule in RULES for field in rule.fields]
    assert len(named) == len(set(named))


@pytest.mark.parametrize(
    ("action", "known"),
    [
        ("user.edit", fields.for_edit(fields.USER, "blocked")),
        ("team.edit", fields.for_edit(fields.TEAM, "blocked")),
        ("brand.edit", fields.for_edit(fields.BRAND, "archived")),
        ("brand.create", fields.BRAND),
    ],
)
def test_where_fields_are_named_all_are(action: str, known: dict[str, object]) -> None:
    assert {field for rule in RULES if rule.action == action for field in rule.fields} == set(known)


def test_a_higher_role_reaches_no_less_far() -> None:
    width = [Reach.NONE, Reach.OWN, Reach.TEAM, Reach.ALL]
    for rule in RULES:
        reaches = [width.index(rule.reach(role)) for role in roles.ORDER]
        assert reaches == sorted(reaches), rule
        assert rule.admin is Reach.ALL


def test_what_stands_nowhere_is_allowed_to_nobody() -> None:
    for role in (*roles.ORDER, "owner", ""):
        assert not roles.may(role, "user.impersonate")
        assert roles.reach(role, "user.edit", "password_hash") is Reach.NONE
        with pytest.raises(Forbidden):
            roles.require(role, "user.impersonate")
    assert not any(roles.may("owner", rule.action) for rule in RULES)


def test_a_refusal_names_the_field() -> None:
    with pytest.raises(Forbidden) as caught:
        roles.require("member", "user.edit", ["name", "budget"])
    assert caught.value.param == "budget"
    assert roles.require("member", "user.edit", ["name"]) is Reach.OWN
    assert roles.require("lead", "key.create", ["models"]) is Reach.TEAM
    with pytest.raises(Forbidden) as caught:
        roles.require("viewer", "key.create", ["models"])
    assert caught.value.param is None


def test_roles_are_ordered() -> None:
    assert roles.lower("admin", "member", "lead") == "member"
    assert roles.lower("admin", "nonsense") == "nonsense"
    assert roles.exceeds("admin", "lead")
    assert not roles.exceeds("lead", "lead")
