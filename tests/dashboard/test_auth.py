"""The door: who comes in, with which cookie, and what the page says to the others."""

from __future__ import annotations

import httpx
import pytest

from dashboard import wiring
from dashboard.auth import Guard
from tests.dashboard.world import ANN, BOB


def sign_in(browser, key, **headers):
    return browser.post("/sign-in", data={"key": key}, headers=headers)


@pytest.mark.parametrize("path", ["/", "/spend", "/media/x", "/nowhere", "//sign-in", "/sign-in/", "/_stcore/metrics"])
def test_without_a_session_every_address_leads_to_the_sign_in_page(browser, path):
    answer = browser.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert browser.request("PUT", path).status_code == 401


def test_a_health_check_needs_no_session(browser):
    assert browser.get("/_stcore/health").text == "inside"


def test_a_good_key_opens_the_door_with_a_cookie_that_scripts_cannot_read(browser):
    answer = sign_in(browser, f"  {ANN} ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert all(mark in cookie for mark in ("HttpOnly", "SameSite=lax", "Max-Age=43200", "Path=/"))
    assert ANN not in cookie
    assert "Secure" not in cookie
    assert browser.get("/").text == "inside"
    assert browser.get("/sign-in").headers["location"] == "/"


def test_over_https_the_cookie_is_for_https_only(https_browser):
    assert "Secure" in sign_in(https_browser, ANN).headers["set-cookie"]


def test_a_wrong_key_gets_the_gateways_words_and_no_cookie(browser, stub):
    answer = sign_in(browser, "sk-nobody")
    assert answer.status_code == 401
    assert "Incorrect API key provided." in answer.text
    assert "set-cookie" not in answer.headers
    assert "sk-nobody" not in answer.text
    stub.refuse("/v1/me", 401, "<script>alert(1)</script>")
    assert "&lt;script&gt;" in sign_in(browser, ANN).text


def test_with_the_gateway_away_the_page_says_so(browser, stub):
    stub.refusals["/v1/me"] = httpx.ConnectError("refused")
    answer = sign_in(browser, ANN)
    assert (answer.status_code, "does not answer" in answer.text) == (502, True)


@pytest.mark.parametrize("key", ["", "   ", "sk-a b", "sk-ключ", "sk-\r\nx-evil: 1", "s" * 8_300])
def test_what_cannot_be_a_key_is_not_sent_to_the_gateway(browser, stub, key):
    assert sign_in(browser, key).status_code == 400
    assert stub.asked == []


def test_another_sites_form_is_refused(browser, stub):
    assert sign_in(browser, ANN, origin="http://evil").status_code == 403
    assert sign_in(browser, ANN, origin="null").status_code == 403
    assert stub.asked == []
    assert sign_in(browser, ANN, origin="http://dash:8501").status_code == 303


def test_the_page_may_load_and_run_nothing_and_is_not_kept(browser):
    headers = browser.get("/sign-in").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_signing_in_again_ends_the_session_before(browser, dashboard):
    sign_in(browser, ANN)
    first = browser.cookies[wiring.cookie_name()]
    browser.cookies.set(wiring.cookie_name(), first)
    sign_in(browser, BOB)
    assert dashboard.sessions.get(first) is None


def test_a_dead_cookie_is_taken_away(browser, dashboard):
    sign_in(browser, ANN)
    dashboard.sessions.end(browser.cookies[wiring.cookie_name()])
    assert browser.get("/").headers["location"] == "/sign-in"
    assert "Max-Age=0" in browser.get("/sign-in").headers["set-cookie"]


def test_two_dashboards_on_one_host_do_not_share_a_cookie():
    assert wiring.cookie_name() == "atelier_session_8501"


@pytest.mark.parametrize(
    ("origin", "told"),
    [(None, "inside"), ("http://dash:8501", "inside"), ("http://evil", "closed"), ("null", "closed")],
)
async def test_a_websocket_of_another_sites_page_gets_no_further(origin, told):
    """Streamlit would look up its own address on the internet to compare the two, whoever asks."""
    seen = []

    async def inside(scope, receive, send):
        seen.append("inside")

    async def send(message):
        seen.append("closed" if message["type"] == "websocket.close" else message["type"])

    headers = [(b"host", b"dash:8501"), *([(b"origin", origin.encode())] if origin else [])]
    scope = {"type": "websocket", "path": "/_stcore/stream", "headers": headers, "query_string": b""}
    await Guard(inside)(scope, None, send)
    assert seen == [told]
