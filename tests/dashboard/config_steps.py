"""What tests do on the page Config: open it as an admin, fill in fields by their labels, press, read."""

from __future__ import annotations

import pytest

from tests.dashboard.test_pages import words
from tests.dashboard.world import press

EVENING = {"when": {"team": "t_social", "input_tokens": {"max": 500}, "after": "18:00"}, "use": {"group": "fast"}}
PRESS = {"name": "press", "when": {"template": ["press"]}, "use": {"group": "best"}}
DRAFTS = {"when": {"tags": "draft"}, "use": {"tier": "fast"}}


@pytest.fixture
def config(stub):
    return stub.config


@pytest.fixture
def opened(dashboard, stub, now, monkeypatch):
    """Signs an admin in and opens a section."""
    stub.accounts.add("users", "u_ada", name="Ada", role="admin")
    stub.accounts.add("users", "u_bob", name="Bob", role="admin")
    monkeypatch.setattr("dashboard.wiring.monotonic", now)

    def open_section(section="rules", role="admin"):
        stub.member("sk-ada", "u_ada", role=role)
        dashboard.sign_in("sk-ada")
        page = dashboard.page("config.page")
        assert not page.exception
        return go(page, section) if section != "rules" else page

    return open_section


def go(page, section):
    page.segmented_control(key="config_section").set_value(section)
    page = page.run(timeout=20)
    assert not page.exception
    return page


def field(page, label):
    kinds = (page.text_input, page.number_input, page.multiselect, page.selectbox, page.toggle, page.text_area)
    return next(each for kind in kinds for each in kind if each.label == label)


def fill(page, **values):
    """Set fields, named by their labels or as in LABELS."""
    for label, value in values.items():
        field(page, LABELS.get(label, label)).set_value(value)
    page = page.run(timeout=20)
    assert not page.exception
    return page


LABELS = {
    "team": "Of team",
    "tokens": "Prompt at most … tokens",
    "after": "From (time of day, UTC)",
    "group": "Group",
    "tags": "With a tag",
    "place": "Place in the order",
    "rpm": "Requests a minute of each key without a limit of its own",
    "total": "Everything that this gateway spends, in USD",
}


def act(page, label):
    page = press(page, label)
    assert not page.exception
    return page


def told(page):
    return words(page) + "\n".join(each.value for each in page.success)


def labels(page):
    return [button.label for button in page.button]


def problem(key, what="is wrong", mend="mend it"):
    return {"file": "/etc/config.yaml", "line": 12, "column": 3, "key": key, "what": what, "mend": mend}
