"""The connections of our own: one hit for an attempt, bounded, kept while they are good, closed when they are not."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio

from gateway.errors import Fault, ProviderError
from gateway.providers.addresses import ALWAYS, address_of, proxy_for, trusted_authorities
from gateway.providers.errors import causes, transport_fault
from gateway.providers.fields import Fields
from gateway.providers.http import Http, Reply, Sending
from gateway.providers.unpacking import MOST_BYTES
from tests.providers.replay import Canary, Recorded, ReplayServer


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def http() -> AsyncIterator[Http]:
    made = Http(0.5)
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="module")
async def at(replay: ReplayServer) -> str:
    replay.seen.clear()
    return f"{replay.url}/v1/x?api-version=1"


def sending(url: str, **headers: str) -> Sending:
    return Sending(url, headers, b'{"a": 1}')


async def fault(http: Http, url: str) -> Fault:
    with pytest.raises(ProviderError) as caught:
        await http.whole(sending(url))
    return caught.value.fault


async def test_a_request_goes_out_with_its_own_headers_and_the_usual_ones(
    http: Http, replay: ReplayServer, at: str
) -> None:
    replay.answer = Recorded(b"{}", headers={"Retry-After": "3", "set-cookie": "a=b"})
    reply = await http.whole(sending(at, authorization="Bearer sk", accept="text/plain"))
    again = await http.whole(sending(at))
    first, second = replay.seen
    assert (first.method, first.target, first.json) == ("POST", "/v1/x?api-version=1", {"a": 1})
    assert (first.headers["authorization"], first.headers["accept"]) == ("Bearer sk", "text/plain")
    assert {name: second.headers[name] for name in ALWAYS} == ALWAYS
    assert not second.headers.keys() & {"authorization", "cookie"}
    assert (reply.status, reply.data, reply.headers["retry-after"]) == (200, b"{}", "3")
    assert again.data == b"{}"


async def test_a_connection_serves_the_next_request(http: Http, replay: ReplayServer, at: str) -> None:
    replay.answer = Recorded(b"x" * 100_000)
    await http.whole(sending(at))
    before = replay.connections
    for _ in range(5):
        assert len((await http.whole(sending(at))).data) == 100_000
    assert replay.connections == before


async def test_a_body_that_is_left_closes_its_connection(http: Http, replay: ReplayServer, at: str) -> None:
    replay.answer = Recorded(b"x" * 1_000_000)
    body = await http.open(sending(at))
    assert await body.read()
    await body.close()
    before = replay.connections
    replay.answer = Recorded(b"{}")
    await http.whole(sending(at))
    assert replay.connections == before + 1


async def test_a_cancelled_call_closes_its_connection(http: Http, replay: ReplayServer, at: str) -> None:
    replay.answer = Recorded(b"", hang=True)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await http.whole(sending(at))
    replay.answer = Recorded(b"{}")
    assert (await http.whole(sending(at))).data == b"{}"


async def test_what_comes_after_the_last_word_is_read_so_that_the_connection_is_kept(
    http: Http, replay: ReplayServer, at: str
) -> None:
    replay.answer = Recorded(b"data: [DONE]\n\n" + b": bye\n" * 50)
    body = await http.open(sending(at))
    await body.read()
    await body.finish()
    await body.close()
    before = replay.connections
    await http.whole(sending(at))
    assert replay.connections == before


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_an_answer(http: Http, replay: ReplayServer, canary: Canary, at: str, status: int) -> None:
    replay.answer = Recorded(b"", status, {"location": f"{canary.url}/x"})
    assert (await http.whole(sending(at))).status == status
    assert (len(replay.seen), canary.came) == (1, 0)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Recorded(b"x" * 500, cut=100), Fault.RESET),
        (Recorded(b"", cut=0), Fault.RESET),
        (Recorded(b"no gzip", headers={"content-encoding": "gzip"}), Fault.MALFORMED),
        (Recorded(b"x", headers={"content-encoding": "br"}), Fault.MALFORMED),
        (Recorded(gzip.compress(bytes(MOST_BYTES + 1)), headers={"content-encoding": "gzip"}), Fault.MALFORMED),
        (Recorded(bytes(MOST_BYTES + 1)), Fault.MALFORMED),
    ],
)
async def test_an_answer_that_breaks_says_how_and_is_asked_for_once(
    http: Http, replay: ReplayServer, at: str, answer: Recorded, expected: Fault
) -> None:
    replay.answer = answer
    assert await fault(http, at) is expected
    assert len(replay.seen) == 1


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/x", "https://127.0.0.1:1/x", "http://nowhere.invalid/x", "http:///x"]
)
async def test_where_nobody_is_nothing_was_sent(http: Http, url: str) -> None:
    assert await fault(http, url) is Fault.CONNECT


async def test_a_header_that_would_begin_another_is_not_sent(http: Http, replay: ReplayServer, at: str) -> None:
    with pytest.raises(ProviderError) as caught:
        await http.whole(sending(at, **{"x-name": "a\r\nx-other: b"}))
    assert (caught.value.fault, replay.seen) == (Fault.CONNECT, [])


def test_a_connection_that_is_not_made_in_time_is_none() -> None:
    error = aiohttp.ConnectionTimeoutError()
    error.__cause__ = TimeoutError()
    assert transport_fault(list(causes(error))) is Fault.CONNECT
    assert transport_fault([aiohttp.SocketTimeoutError()]) is Fault.TIMEOUT


async def test_a_large_body_goes_out_whole(http: Http, replay: ReplayServer, at: str) -> None:
    data = b'{"a": "%s"}' % (b"x" * 3_000_000)
    replay.answer = Recorded(b"{}")
    await http.whole(Sending(at, {}, data))
    assert replay.seen[0].body == data


async def test_no_secret_is_in_a_representation() -> None:
    assert "sk-canary" not in repr(sending("http://a.invalid", authorization="sk-canary"))


def test_proxies_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    address = urlsplit("https://api.provider.invalid/v1")
    assert proxy_for(address) is None
    monkeypatch.setenv("HTTPS_PROXY", "proxy.invalid:3128")
    assert proxy_for(address) == "http://proxy.invalid:3128"
    monkeypatch.setenv("NO_PROXY", "provider.invalid")
    assert proxy_for(address) is None


def test_certificates_are_checked_unless_it_is_said_that_they_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_VERIFY", raising=False)
    context = trusted_authorities()
    assert context.check_hostname
    assert context.get_ca_certs()
    monkeypatch.setenv("SSL_VERIFY", "False")
    assert not trusted_authorities().check_hostname
    assert trusted_authorities().verify_mode is ssl.CERT_NONE


def test_no_secret_and_nothing_that_was_said_is_in_a_representation() -> None:
    opening = address_of("http://me:secret@a.invalid/").opening({"authorization": "secret"})
    told = [Sending("http://a.invalid", {"api-key": "secret"}, b"secret", opening), opening]
    told += [Reply(200, {"set-cookie": "secret"}, b"secret"), Fields({b"set-cookie": b"secret"})]
    assert all("secret" not in repr(each) for each in told)


def test_headers_are_found_by_their_names_in_lower_case() -> None:
    raw = {b"Content-Type": b"text/plain", b"X-NAME": "ü".encode("latin-1")}
    headers = Fields(raw)
    assert headers.may_have(b"content-type")
    assert not headers.may_have(b"content-encoding")
    assert (headers["x-name"], headers.get("X-NAME"), len(headers)) == ("ü", None, 2)
    assert headers == {"content-type": "text/plain", "x-name": "ü"}
