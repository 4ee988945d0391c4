"""Sign-in with an identity provider, against one that is made here and signs its tokens with a key of its own."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from dashboard import oidc, wiring
from dashboard.client import Problem
from dashboard.issuer import Attempt, Issuer, Settings
from tests.dashboard.fake_issuer import ADA, ISSUER, FakeIssuer


@pytest.fixture(scope="module")
def made() -> FakeIssuer:
    return FakeIssuer()


@pytest.fixture
def fake(made, stub, monkeypatch):
    """The provider, and a gateway that checks its tokens."""
    made.down, made.nonce, made.forms = False, None, []
    issuer = Issuer(Settings(ISSUER, "atelier", "s3cret", "Example <ID>"), made.transport)
    monkeypatch.setattr(wiring, "issuer", lambda: issuer)
    monkeypatch.setenv("ATELIER_DASHBOARD_URL", "https://dash.example.org")
    stub.accounts.person(ADA, "-", "ada")
    public = stub.accounts.public

    def checked(path, body):
        claims = jwt.decode(body["id_token"], made.key.public_key(), ["RS256"], audience="atelier", issuer=ISSUER)
        if claims["nonce"] == body["nonce"]:
            stub.accounts.id_tokens[body["id_token"], body["nonce"]] = claims["email"]
        return public(path, body)

    stub.accounts.public = checked
    return made


def begin(browser) -> str:
    answer = browser.get("/sign-in/oidc")
    assert answer.status_code == 303
    return answer.headers["location"]


def come_back(browser, told):
    return browser.get("/sign-in/oidc/callback", params=told)


def test_the_whole_way_there_and_back(https_browser, fake, stub):
    way = begin(https_browser)
    asked = parse_qs(urlsplit(way).query)
    assert way.startswith(f"{ISSUER}/authorize?tenant=1&")
    assert asked["redirect_uri"] == ["https://dash.example.org/sign-in/oidc/callback"]
    assert asked["code_challenge_method"] == ["S256"]
    answer = come_back(https_browser, fake.allow(way))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert https_browser.get("/").text == "inside"
    form, basic = fake.forms[0]
    assert "client_secret" not in form
    assert base64.b64decode(basic.removeprefix("Basic ")) == b"atelier:s3cret"
    assert oidc.COOKIE not in https_browser.cookies


def test_the_cookie_of_the_way_is_short_hidden_and_tells_nothing(https_browser, fake):
    answer = https_browser.get("/sign-in/oidc")
    cookie = answer.headers["set-cookie"]
    assert all(mark in cookie for mark in ("HttpOnly", "SameSite=lax", "Max-Age=600", "Path=/sign-in/oidc", "Secure"))
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert not [1 for name in ("state", "nonce") if asked[name][0] in cookie]


@pytest.mark.parametrize("change", [{"state": "x"}, {"state": ""}, {"iss": "https://evil.example.org"}])
def test_an_answer_to_another_question_is_refused(https_browser, fake, stub, change):
    told = fake.allow(begin(https_browser))
    answer = come_back(https_browser, {**told, **change})
    assert (answer.status_code, "not begun in this browser" in answer.text) == (400, True)
    assert fake.forms == []
    assert stub.asked == []


def test_an_answer_in_another_browser_is_refused(https_browser, fake):
    told = fake.allow(begin(https_browser))
    https_browser.cookies.clear()
    assert come_back(https_browser, told).status_code == 400


def test_an_answer_counts_once(https_browser, fake):
    told = fake.allow(begin(https_browser))
    come_back(https_browser, told)
    assert come_back(https_browser, told).status_code == 400


def test_a_token_made_for_another_sign_in_is_refused(https_browser, fake):
    told = fake.allow(begin(https_browser))
    fake.nonce = "another"
    answer = come_back(https_browser, told)
    assert (answer.status_code, "cannot be trusted" in answer.text) == (401, True)
    assert wiring.cookie_name() not in https_browser.cookies


@pytest.mark.parametrize(
    ("error", "sentence"),
    [("access_denied", "was cancelled"), ("server_error", "Example &lt;ID&gt; did not sign you in")],
)
def test_a_refusal_of_the_provider_is_a_sentence(https_browser, fake, error, sentence):
    state = fake.allow(begin(https_browser))["state"]
    answer = come_back(https_browser, {"error": error, "state": state, "error_description": "<script>"})
    assert (answer.status_code, sentence in answer.text) == (403, True)
    assert "<script>" not in answer.text


def test_a_code_that_the_provider_does_not_know_is_a_sentence(https_browser, fake):
    told = fake.allow(begin(https_browser))
    assert "does not answer as it should" in come_back(https_browser, {**told, "code": "stolen"}).text


def test_with_the_provider_away_the_page_says_so(https_browser, fake):
    fake.down = True
    answer = https_browser.get("/sign-in/oidc")
    assert (answer.status_code, "does not answer as it should" in answer.text) == (502, True)


def test_the_button_is_there_only_with_a_provider_and_its_name_is_inert(browser, fake, monkeypatch):
    assert "Continue with Example &lt;ID&gt;" in browser.get("/sign-in").text
    monkeypatch.setattr(wiring, "issuer", lambda: None)
    assert "Continue with" not in browser.get("/sign-in").text
    assert browser.get("/sign-in/oidc").status_code == 404
    assert browser.get("/sign-in/oidc/callback").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://other.example.org"},
        {"token_endpoint": "http://id.example.org/token"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
async def test_a_provider_that_calls_itself_otherwise_is_not_believed(fake, wrong):
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={**fake.configuration, **wrong}))
    issuer = Issuer(Settings(ISSUER, "atelier"), transport)
    with pytest.raises(Problem, match="no use here"):
        await issuer.way(Attempt.of("c", b"s"), "https://dash/back")


@pytest.mark.parametrize("answer", [["list"], {"id_token": 5}, {}])
async def test_a_token_answer_without_a_token_is_a_sentence(fake, answer):
    def told(request):
        return httpx.Response(200, json=fake.configuration if request.method == "GET" else answer)

    issuer = Issuer(Settings(ISSUER, "atelier"), httpx.MockTransport(told))
    with pytest.raises(Problem, match="no use here"):
        await issuer.id_token("code", Attempt.of("c", b"s"), "https://dash/back")


async def test_a_secret_goes_into_the_form_where_the_provider_wants_it_there(fake):
    posted = {**fake.configuration, "token_endpoint_auth_methods_supported": ["client_secret_post"]}
    forms = []

    def told(request):
        forms.append(request)
        return httpx.Response(200, json=posted if request.method == "GET" else {"id_token": "t"})

    issuer = Issuer(Settings(ISSUER, "atelier", "s3cret"), httpx.MockTransport(told))
    assert await issuer.id_token("code", Attempt.of("c", b"s"), "https://dash/back") == "t"
    assert b"client_secret=s3cret" in forms[-1].content
    assert "authorization" not in forms[-1].headers


def test_the_settings_come_from_the_environment_and_hide_their_secret():
    env = {"ATELIER_OIDC_ISSUER": ISSUER, "ATELIER_OIDC_CLIENT_ID": "atelier", "ATELIER_OIDC_CLIENT_SECRET": "s3cret"}
    settings = Settings.of(env)
    assert settings.name == "your company's account"
    assert "s3cret" not in repr(settings)
    assert Settings.of({}) is None
    assert Settings.of({"ATELIER_OIDC_ISSUER": ISSUER}) is None
    with pytest.raises(ValueError, match="https"):
        Settings.of({**env, "ATELIER_OIDC_ISSUER": "http://id.example.org"})


def test_two_browsers_share_no_secret_and_one_browser_keeps_its_own():
    one, same, other = (Attempt.of(cookie, b"secret") for cookie in ("a", "a", "b"))
    assert one == same
    assert not {one.state, one.nonce, one.verifier} & {other.state, other.nonce, other.verifier}
    assert len({one.state, one.nonce, one.verifier}) == 3
    assert len(one.verifier) == 43
