"""Invitation links: what stands after "#" is sent in a form only, makes one account, and is told plainly when it is old."""

from __future__ import annotations

import re

import httpx
import pytest

from dashboard import join

FORM = {"token": "inv-atl-1", "name": "Ada", "email": "ada@example.org", "password": "correct horse battery"}


@pytest.fixture(autouse=True)
def invitation(stub):
    stub.accounts.invitations["inv-atl-1"] = ""


def test_an_invitation_makes_an_account_and_opens_the_door(browser, stub):
    answer = browser.post("/join", data=FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert browser.get("/").text == "inside"
    assert stub.accounts.people["ada@example.org"][0] == FORM["password"]


def test_a_link_for_a_new_password_asks_for_no_name(browser, stub):
    assert 'name="name"' not in browser.get("/new-password").text
    assert browser.post("/new-password", data=FORM).status_code == 303
    assert stub.accounts.invitations["inv-atl-1"] == "ada@example.org"


def test_a_link_works_once(browser):
    browser.post("/join", data=FORM)
    browser.cookies.clear()
    answer = browser.post("/join", data=FORM)
    assert (answer.status_code, join.USED in answer.text) == (404, True)


def test_what_was_typed_stays_but_not_the_password(browser, stub):
    stub.refuse("/auth/accept-invitation", 422, "This password is too common.")
    answer = browser.post("/join", data={**FORM, "name": 'A"><script>alert(1)</script>'})
    assert (answer.status_code, "too common" in answer.text) == (422, True)
    assert 'value="ada@example.org"' in answer.text
    assert 'value="inv-atl-1"' in answer.text
    assert "A&quot;&gt;&lt;script&gt;" in answer.text
    assert FORM["password"] not in answer.text


@pytest.mark.parametrize("missing", FORM)
def test_an_empty_field_is_not_sent(browser, stub, missing):
    assert browser.post("/join", data={**FORM, missing: " " if missing != "password" else ""}).status_code == 400
    assert stub.asked == []


def test_another_sites_form_is_refused(browser, stub):
    assert browser.post("/join", data=FORM, headers={"origin": "http://evil"}).status_code == 403
    assert stub.asked == []


def test_with_the_gateway_away_the_page_says_so(browser, stub):
    stub.refusals["/auth/accept-invitation"] = httpx.ConnectError("refused")
    assert "does not answer" in browser.post("/join", data=FORM).text


def test_only_our_own_script_may_run_and_every_page_has_a_new_nonce(browser):
    nonces = set()
    for _ in range(2):
        answer = browser.get("/join")
        policy = answer.headers["content-security-policy"]
        found = re.search(r"script-src 'nonce-([\w-]{20,})'", policy)
        assert found
        assert f'<script nonce="{found[1]}">' in answer.text
        assert "default-src 'none'" in policy
        nonces.add(found[1])
    assert len(nonces) == 2
