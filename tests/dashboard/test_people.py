"""The page about people, as an admin, a lead and a member find it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import httpx
import pytest

from dashboard.views.people.place import CONFLICT, GONE
from tests.dashboard.test_pages import words
from tests.dashboard.world import press

EVIL = "<img src=x onerror=alert(1)> **b** $x$ http://evil.example"


@pytest.fixture
def people(dashboard, stub):
    """Signs somebody in and opens a section of the page."""
    accounts = stub.accounts
    accounts.add("users", "u_ada", name="Ada", email="ada@example.org", role="admin", can_sign_in=True, teams=[])
    accounts.add("users", "u_max", name="Max", email="max@example.org", role="member", can_sign_in=True, blocked=False)
    accounts.add("teams", "t_blog", name="Blog", models=None, content="metadata", members=1)
    accounts.add("keys", "k_1", name="Newsletter", prefix="sk-atl-Ab3", user="u_max", team="t_blog", budget="5.00")
    accounts.add("brands", "acme", name="Acme", client=None, team="t_blog")

    def open_section(section: str, role: str = "admin", user: str = "u_ada", team: str | None = None):
        key = f"sk-{user}"
        stub.member(key, user, role=role, team=team, session_id="s_1", account={"id": user, "name": user})
        dashboard.sign_in(key)
        page = dashboard.page("people.page")
        return go(page, section)

    return open_section


def go(page, section):
    page.segmented_control(key="people_section").set_value(section)
    page = page.run(timeout=20)
    assert not page.exception
    return page


def pick(page, row=0):
    """What a click on a row of the table does."""
    place = page.session_state["people"]
    place.go("one", place.shown[row])
    page = page.run(timeout=20)
    assert not page.exception
    return page


def fill(page, label, value):
    next(field for field in page.text_input if field.label == label).set_value(value)


def secret(page):
    return [block.value for block in page.code]


def table(page):
    return page.dataframe[0].value


def test_an_admin_has_every_section_and_a_member_its_own(people):
    admin = people("users")
    assert list(table(admin)["Name"]) == ["Ada", "Max"]
    sections = admin.segmented_control(key="people_section").options
    assert sections == ["People", "Teams", "Keys", "Brands", "Invitations", "History", "My account"]
    member = people("me", "member", "u_max", "t_blog")
    assert member.segmented_control(key="people_section").options == ["My account", "Teams", "Keys", "Brands"]


def test_two_viewers_see_their_own_rows_only(people, stub):
    stub.accounts.add("keys", "k_2", name="Only Ada's", prefix="sk-atl-X", user="u_ada", team=None)
    stub.accounts.owner = lambda user, row: row.get("user") in (None, user)
    ada, max_ = people("keys", "member", "u_ada"), people("keys", "member", "u_max", "t_blog")
    assert list(table(ada)["Name"]) == ["Only Ada's"]
    assert list(table(max_)["Name"]) == ["Newsletter"]
    assert "Only Ada's" not in words(max_)


def test_a_new_key_is_made_and_shown_once(people, stub):
    page = press(people("keys"), "New key")
    fill(page, "What is it for?", "Website")
    fill(page, "Budget in USD", "$12.50")
    page = press(page, "Make the key")
    assert stub.accounts.changes[0][1:3] == (
        "/admin/keys",
        {"name": "Website", "budget": "12.50", "role": "member"},
    )
    assert secret(page) == ["sk-atl-keys-1"]
    page = press(page, "I have copied it")
    assert secret(page) == []
    assert "sk-atl-keys-1" not in str(page.session_state["people"])


@pytest.mark.parametrize(
    ("label", "typed", "sentence"),
    [("Budget in USD", "a lot", "is no amount"), ("Budget in USD", "-1", "is no amount"), ("", "", "Please fill in")],
)
def test_what_cannot_be_sent_is_said_and_stays(people, stub, label, typed, sentence):
    page = press(people("keys"), "New key")
    if label:
        fill(page, "What is it for?", "Website")
        fill(page, label, typed)
    page = press(page, "Make the key")
    assert sentence in page.error[0].value
    assert typed in [field.value for field in page.text_input]
    assert stub.accounts.changes == []


@pytest.mark.parametrize("status", [403, 409, 422, 429, 503])
def test_a_refusal_is_a_sentence_and_the_form_stays(people, stub, status):
    page = press(people("keys"), "New key")
    fill(page, "What is it for?", "Website")
    stub.refuse("/admin/keys", status, "Your role may not set this.")
    page = press(page, "Make the key")
    assert "Your role may not set this." in page.error[0].value
    assert next(field for field in page.text_input if field.label == "What is it for?").value == "Website"
    assert not page.exception


def test_only_what_was_changed_is_sent_with_the_version_that_was_seen(people, stub):
    page = pick(people("keys"))
    fill(page, "What is it for?", "Weekly newsletter")
    page = press(page, "Save")
    assert stub.accounts.changes == [("PATCH", "/admin/keys/k_1", {"name": "Weekly newsletter"}, '"1"')]
    assert page.success[0].value == "Saved."
    page = press(page, "Save")
    assert len(stub.accounts.changes) == 1
    assert "nothing to change" in page.success[0].value


def test_somebody_elses_change_is_not_overwritten_and_nothing_typed_is_lost(people, stub):
    page = pick(people("keys"))
    stub.accounts.tables["keys"]["k_1"].update(version=2, name="Changed by Bob")
    fill(page, "What is it for?", "Mine")
    page = press(page, "Save")
    assert page.error[0].value == CONFLICT
    assert "Mine" in [field.value for field in page.text_input]
    page = press(page, "Show how it is now")
    assert "Changed by Bob" in [field.value for field in page.text_input]


def test_a_key_is_replaced_with_an_overlap(people, stub):
    page = pick(people("keys"))
    page.selectbox(key=page.session_state["people"].key("overlap")).set_value(3600)
    page = press(page, "Replace by a new key")
    assert stub.accounts.changes[-1][1:3] == ("/admin/keys/k_1/rotate", {"overlap_seconds": 3600})
    assert secret(page) == ["sk-atl-k_1-rotated"]


def test_revoking_asks_first(people, stub):
    page = press(pick(people("keys")), "Revoke")
    assert stub.accounts.changes == []
    assert "for good" in words(page)
    page = press(page, "No, keep it")
    assert "for good" not in words(page)
    page = press(press(page, "Revoke"), "Yes, revoke")
    assert stub.accounts.changes[-1][:2] == ("DELETE", "/admin/keys/k_1")
    assert page.success[0].value == "The key is revoked."


def test_what_has_gone_meanwhile_is_said(people, stub):
    page = pick(people("keys"))
    del stub.accounts.tables["keys"]["k_1"]
    page = press(page, "Block for now")
    assert page.error[0].value == GONE


def test_an_invitation_becomes_a_link_whose_secret_stands_after_the_hash(people, stub, monkeypatch):
    monkeypatch.setenv("ATELIER_DASHBOARD_URL", "https://dash.example.org")
    page = press(people("users"), "Invite somebody")
    fill(page, "E-mail", "new@example.org")
    page = press(page, "Make the link")
    assert secret(page) == ["https://dash.example.org/join#inv-atl-invitations-1"]
    assert stub.accounts.changes[0][2] == {"email": "new@example.org", "role": "member", "expires_in": 7 * 86_400}


def test_a_lead_invites_into_its_own_team_and_no_admins(people, stub):
    page = press(people("invitations", "lead", "u_max", "t_blog"), "Invite somebody")
    role = next(box for box in page.selectbox if box.label == "Role")
    assert not [option for option in role.options if "Admin" in option]
    page = press(page, "Make the link")
    assert stub.accounts.changes[0][2]["team"] == "t_blog"


def test_an_admin_gives_somebody_a_link_for_a_new_password(people, stub, monkeypatch):
    monkeypatch.setenv("ATELIER_DASHBOARD_URL", "https://dash.example.org")
    page = press(pick(people("users"), 1), "Link for a new password")
    assert stub.accounts.changes[0][2] == {"user": "u_max"}
    assert secret(page)[0].startswith("https://dash.example.org/new-password#inv-atl-")


def test_blocking_and_forgetting_a_person_ask_first(people, stub):
    page = press(pick(people("users"), 1), "Block")
    page = press(page, "Yes, block")
    assert stub.accounts.changes[-1][2] == {"blocked": True}
    page = press(press(page, "Forget this person"), "Yes, forget this person")
    assert stub.accounts.changes[-1][:2] == ("DELETE", "/admin/users/u_max")
    assert "forgotten" in page.success[0].value


def test_an_admin_cannot_block_or_forget_itself(people):
    page = pick(people("users"), 0)
    assert not {"Block", "Forget this person"} & {button.label for button in page.button}


def test_team_members_are_added_changed_and_removed(people, stub):
    page = pick(people("teams"))
    next(box for box in page.selectbox if box.label == "Add somebody").set_value("u_max")
    page = press(page, "Add to the team")
    assert stub.accounts.changes[-1][:3] == ("PUT", "/admin/teams/t_blog/members/u_max", {"role": "member"})
    page.selectbox(key=page.session_state["people"].key("role.u_max")).set_value("lead")
    page = page.run(timeout=20)
    assert stub.accounts.changes[-1][2] == {"role": "lead"}
    page = press(page, "Remove")
    assert stub.accounts.changes[-1][:2] == ("DELETE", "/admin/teams/t_blog/members/u_max")


def test_a_lead_may_rename_its_team_but_set_no_budget(people, stub):
    page = pick(people("teams", "lead", "u_max", "t_blog"))
    assert "Budget in USD" not in [field.label for field in page.text_input]
    fill(page, "Name", "The blog")
    press(page, "Save")
    assert stub.accounts.changes[-1][2] == {"name": "The blog"}


def test_a_viewer_changes_nothing(people):
    for section in ("teams", "keys", "brands"):
        page = people(section, "viewer", "u_max", "t_blog")
        assert not [button for button in page.button if button.label.startswith("New")]
        page = pick(page)
        assert not {"Save", "Revoke", "Put away"} & {button.label for button in page.button}


def test_a_brand_is_made_with_its_short_name(people, stub):
    page = press(people("brands"), "New brand")
    fill(page, "Short name", "lumen")
    fill(page, "Name", "Lumen")
    press(page, "Make the brand")
    assert stub.accounts.changes[-1][2] == {"id": "lumen", "name": "Lumen"}


def test_hostile_names_are_inert_everywhere(people, stub):
    accounts = stub.accounts
    accounts.tables["users"]["u_max"]["name"] = EVIL
    accounts.tables["teams"]["t_blog"]["name"] = EVIL
    accounts.tables["keys"]["k_1"]["name"] = EVIL
    accounts.tables["brands"]["acme"].update(name=EVIL, client=EVIL)
    accounts.memberships["t_blog"] = [{"user": {"id": "u_max", "name": EVIL}, "role": "member"}]
    accounts.add("audit", "1", at=1.0, actor=EVIL, action=EVIL, object_type="key", object_id=EVIL, after={EVIL: EVIL})
    for section, row in (("users", 1), ("teams", 0), ("keys", 0), ("brands", 0)):
        page = pick(people(section), row)
        shown = words(page) + "".join(button.label for button in page.button)
        assert r"\<img src=x onerror=alert(1)\>" in shown
        assert "<img" not in shown.replace(r"\<img", "")
        assert "http://" not in shown
    assert not people("audit").exception


def test_history_is_told_in_words(people, stub):
    stub.accounts.add(
        "audit", "1", at=1.9e9, actor="user:u_ada", action="key.edit", object_type="key", object_id="k_1",
        before={"budget": 5 * 10**9, "team": None}, after={"budget": 12_500_000_000, "team": "t_blog"},
    )  # fmt: skip
    stub.accounts.add(
        "audit", "2", at=1.9e9, actor="cli", action="member.set", object_type="membership", object_id="t_blog/u_max",
        before=None, after={"role": "lead"},
    )  # fmt: skip
    first, second = table(people("audit")).to_dict("records")
    assert (first["Who"], first["What"], first["To"]) == ("Ada", "changed a key", "Newsletter")
    assert first["Changes"] == "budget: $5.00 → $12.50, team: none → Blog"
    assert (second["Who"], second["To"]) == ("the command line", "Max in Blog")


def test_a_long_entry_of_the_history_is_read_as_a_whole(people, stub):
    changes = ["`limits.rpm` is 5", "the deployment `a`: weight 1 → 2"]
    stub.accounts.add(
        "audit", "1", at=1.9e9, actor="file", action="config.reload", object_type="config", object_id="config",
        before={"version": "v1"}, after={"version": "v2", "changes": changes},
    )  # fmt: skip
    page = people("audit")
    assert table(page).to_dict("records")[0]["Who"] == "the file on the disk"
    place = page.session_state["people"]
    page.session_state[place.key("entry")] = place.shown[0]
    page = page.run(timeout=20)
    assert "- Version: v1 → v2\n- `limits.rpm` is 5\n- The deployment `a`: weight 1 → 2" in words(page)
    page = press(page, "Close")
    assert "weight 1" not in words(page)


def test_the_id_of_a_team_stands_in_the_list(people):
    assert table(people("teams")).to_dict("records")[0]["Id"] == "t_blog"


def test_ones_own_name_password_and_sessions(people, stub):
    stub.accounts.add("sessions", "s_2", current=False, user="u_max")
    page = people("me", "member", "u_max", "t_blog")
    fill(page, "Name", "Maximilian")
    page = press(page, "Save")
    assert stub.accounts.changes[-1][1:3] == ("/admin/users/u_max", {"name": "Maximilian"})
    fill(page, "Password until now", "old password")
    fill(page, "New password", "new password")
    page = press(page, "Change the password")
    assert stub.accounts.changes[-1][1:3] == ("/auth/password", {"old": "old password", "new": "new password"})
    assert "new password" not in [field.value for field in page.text_input]
    page = press(page, "End")
    assert stub.accounts.changes[-1][:2] == ("DELETE", "/auth/sessions/s_2")


def test_a_wrong_old_password_does_not_sign_out(people, stub):
    page = people("me", "member", "u_max", "t_blog")
    stub.refuse("/auth/password", 401, "That is not your password.", "invalid_credentials")
    page = press(page, "Change the password")
    assert page.error[0].value == "That is not your password."
    assert page.title


def test_whoever_signs_in_with_a_key_of_nobody_is_told_so(people, stub):
    page = people("me", "member", "somebody")
    assert "with a key" in page.info[0].value


def test_with_the_gateway_away_the_page_says_so(people, stub, now):
    page = people("keys")
    stub.refusals["/admin/keys"] = httpx.ConnectError("refused")
    now.seconds += 60
    page = page.run(timeout=20)
    assert "does not answer" in page.error[0].value


def test_a_long_list_is_read_page_by_page_and_searched(people, stub):
    for number in range(450):
        stub.accounts.add("users", f"u_{number}", name=f"Person {number}", email=f"p{number}@example.org")
    page = people("users")
    assert len(table(page)) == 452
    page.text_input(key=page.session_state["people"].key("search")).set_value("person 44 example")
    assert len(table(page.run(timeout=20))) == 14


def test_signed_out_nothing_is_asked(dashboard, stub):
    page = dashboard.page("people.page")
    assert "You are signed out" in page.info[0].value
    assert stub.asked == []


def test_whoever_is_in_two_teams_says_for_which_one_it_works(dashboard, stub):
    teams = [{"team": "t_blog", "role": "lead"}, {"team": "t_social", "role": "member"}]
    stub.member("sk-two", "two", team="t_blog", session_id="s_1", teams=teams, account={"id": "two", "name": "Two"})
    dashboard.sign_in("sk-two")
    page = dashboard.page("main")
    page.selectbox(key="working_for").set_value("t_social")
    page.run(timeout=20)
    assert stub.accounts.changes[-1][:3] == ("PATCH", "/auth/session", {"team": "t_social"})


def test_older_history_is_a_page_away(people, stub):
    for number in range(130):
        stub.accounts.add(
            "audit", f"a{number}", at=1.9e9, actor="cli", action="key.edit", object_type="key", object_id="x"
        )
    page = people("audit")
    assert len(table(page)) == 100
    page = press(page, "Older")
    assert len(table(page)) == 30
    assert len(table(press(page, "Newer"))) == 100


def test_a_key_ends_with_a_day_of_the_viewers_calendar(people, stub, monkeypatch):
    monkeypatch.setattr("dashboard.gate.utc_offset", lambda: -5 * 3600)
    page = press(people("keys"), "New key")
    fill(page, "What is it for?", "Website")
    page.date_input[0].set_value(date(2030, 12, 31))
    page = press(page, "Make the key")
    ends = stub.accounts.changes[0][2]["expires_at"]
    assert datetime.fromtimestamp(ends, UTC).isoformat() == "2031-01-01T05:00:00+00:00"
    page = press(press(page, "I have copied it"), "All keys")
    assert list(table(page)["Ends"]) == ["never", "31 Dec 2030"]


def test_a_user_and_a_team_of_one_id_keep_their_names(people, stub):
    stub.accounts.add("users", "t_blog", name="Somebody else")
    assert list(table(people("keys"))["Whose"]) == ["Max · Blog"]
