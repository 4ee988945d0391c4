"""Signing in with e-mail and password: the gateway decides, and its session ends with the browser's."""

from __future__ import annotations

import httpx
import pytest

from dashboard import auth, wiring
from tests.dashboard.world import ANN

ADA = "ada@example.org"
WORDS = "correct horse battery"


@pytest.fixture(autouse=True)
def people(stub):
    stub.accounts.person(ADA, WORDS, "ada")


def sign_in(browser, password=WORDS, email=ADA):
    return browser.post("/sign-in", data={"email": email, "password": password})


def test_a_right_pair_opens_the_door_with_a_token_that_stays_here(browser, stub, dashboard):
    answer = sign_in(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "sess-atl" not in str(answer.headers)
    assert all(mark in answer.headers["set-cookie"] for mark in ("HttpOnly", "SameSite=lax"))
    assert dashboard.sessions.get(browser.cookies[wiring.cookie_name()]).me().facts["user"] == "ada"
    assert stub.asked[0] == ("POST", "/auth/sign-in", "")


def test_a_wrong_pair_is_told_plainly_and_the_email_stays(browser):
    answer = sign_in(browser, "wrong")
    assert answer.status_code == 401
    assert auth.WRONG_PAIR in answer.text
    assert f'value="{ADA}"' in answer.text
    assert "wrong" not in answer.text
    assert "set-cookie" not in answer.headers


def test_the_email_that_comes_back_is_inert(browser):
    answer = sign_in(browser, "x", '"><script>alert(1)</script>')
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize(("seconds", "told"), [("30", "1 minute,"), ("700", "12 minutes,"), ("x", "Slow down.")])
def test_too_many_tries_say_how_long_to_wait(browser, stub, seconds, told):
    stub.refuse("/auth/sign-in", 429, "Slow down.")
    stub.refusal_headers = {"retry-after": seconds}
    answer = sign_in(browser)
    assert (answer.status_code, told in answer.text) == (429, True)


def test_with_the_gateway_away_the_page_says_so_and_no_session_is_made(browser, stub):
    stub.refusals["/auth/sign-in"] = httpx.ConnectError("refused")
    answer = sign_in(browser)
    assert (answer.status_code, "does not answer" in answer.text) == (502, True)


def test_a_gateway_without_accounts_is_a_sentence(browser, stub):
    stub.accounts.public = lambda *_: httpx.Response(200, json={"object": "something"})
    assert "cannot be read" in sign_in(browser).text


@pytest.mark.parametrize("pair", [{"email": ADA}, {"password": WORDS}, {}])
def test_half_a_pair_is_not_sent(browser, stub, pair):
    assert browser.post("/sign-in", data=pair).status_code == 400
    assert stub.asked == []


def test_an_api_key_is_the_other_way_on_the_same_page(browser):
    assert "Use an API key instead" in browser.get("/sign-in").text
    assert "<details >" in browser.get("/sign-in").text
    assert "<details open>" in browser.post("/sign-in", data={"key": "no key"}).text


def test_signing_out_ends_the_gateways_session_too(browser, stub, dashboard):
    sign_in(browser)
    dashboard.sessions.end(browser.cookies[wiring.cookie_name()])
    assert stub.asked[-1][:2] == ("POST", "/auth/sign-out")
    assert not [token for token in stub.members if token.startswith("sess-")]


def test_signing_out_with_the_gateway_away_still_signs_out(browser, stub, dashboard):
    sign_in(browser)
    stub.refusals["/auth/sign-out"] = httpx.ConnectError("refused")
    session_id = browser.cookies[wiring.cookie_name()]
    dashboard.sessions.end(session_id)
    assert dashboard.sessions.get(session_id) is None


def test_a_key_is_not_signed_out_at_the_gateway(dashboard, stub):
    dashboard.sessions.end(dashboard.sign_in(ANN))
    assert "/auth/sign-out" not in stub.paths()


def test_a_session_that_was_ended_elsewhere_is_out_within_seconds(browser, stub, dashboard, now):
    sign_in(browser)
    dashboard.use(browser.cookies[wiring.cookie_name()])
    assert dashboard.page("main").title[0].value == "Studio"
    stub.members.clear()
    now.seconds += 5
    page = dashboard.page("main")
    assert "You are signed out" in page.info[0].value
    assert not page.title


def test_behind_a_proxy_that_ends_https_the_cookie_is_for_https_only(browser, monkeypatch):
    monkeypatch.setenv("ATELIER_DASHBOARD_URL", "https://atelier.example.org/")
    assert "Secure" in sign_in(browser).headers["set-cookie"]
