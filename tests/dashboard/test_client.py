"""Whatever goes wrong between dashboard and gateway is a sentence, and no sentence holds the key."""

from __future__ import annotations

import httpx
import pytest

from dashboard.client import Client, Problem, problem_in

KEY = "sk-atl-secret-canary"


def client(answer):
    return Client("http://gateway:4000/", KEY, httpx.MockTransport(answer))


def raises(error):
    def answer(_):
        raise error

    return answer


@pytest.mark.parametrize(
    ("answer", "sentence", "signed_out"),
    [
        (lambda _: httpx.Response(401, json={"error": {"message": "Wrong key.", "code": "c"}}), "Wrong key.", True),
        (lambda _: httpx.Response(429, json={"error": {"message": "The budget is used up."}}), "budget is used", False),
        (lambda _: httpx.Response(500, text="<html>oops</html>"), "status 500", False),
        (lambda _: httpx.Response(502, json={"error": "text"}), "status 502", False),
        (lambda _: httpx.Response(503, json=["x"]), "status 503", False),
        (lambda _: httpx.Response(200, text="<html>"), "cannot be read", False),
        (raises(httpx.ConnectError("refused")), "does not answer", False),
        (raises(httpx.ConnectTimeout("slow")), "does not answer", False),
        (raises(httpx.ReadTimeout("slow")), "connection to the gateway broke", False),
        (raises(httpx.RemoteProtocolError("cut")), "connection to the gateway broke", False),
    ],
)
def test_a_failure_is_a_sentence(answer, sentence, signed_out):
    with pytest.raises(Problem, match=sentence) as problem:
        client(answer).me()
    assert problem.value.signed_out is signed_out
    assert KEY not in problem.value.message + repr(problem.value)


def test_the_key_is_in_one_header_and_in_no_address():
    seen: list[httpx.Request] = []

    def answer(request):
        seen.append(request)
        return httpx.Response(200, json={})

    asking = client(answer)
    asking.me()
    asking.generation("gen-1")
    asking.cancel("gen-1")
    assert {request.headers["authorization"] for request in seen} == {f"Bearer {KEY}"}
    assert [str(request.url) for request in seen] == [
        "http://gateway:4000/v1/me",
        "http://gateway:4000/v1/generations/gen-1",
        "http://gateway:4000/v1/generations/gen-1/cancel",
    ]
    assert KEY not in repr(asking)


def test_an_error_object_without_a_message_still_makes_a_sentence():
    assert problem_in({"error": {"code": None}}).message == "The gateway reports an error."
