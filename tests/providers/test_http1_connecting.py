"""A connection that cannot be made in its time is told as such, whatever was in the way: nothing was sent."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.errors import Fault, ProviderError
from gateway.providers.addresses import address_of
from gateway.providers.http import Http, Sending
from tests.providers.raw import OK, Proxy, RawServer, Script, serving

PATIENCE = 0.3  # seconds that a connection may take
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_verify", "ssl_cert_file")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest_asyncio.fixture(loop_scope="module")
async def http() -> AsyncIterator[Http]:
    made = Http(PATIENCE)
    yield made
    await made.close()
    assert not made._pool.connections


@pytest_asyncio.fixture(loop_scope="module")
async def server() -> AsyncIterator[RawServer]:
    async with serving() as found:
        yield found


@dataclass(frozen=True, slots=True)
class Certificate:
    """Self-made, for localhost and its address. `file` is what has to be trusted."""

    file: Path
    context: ssl.SSLContext


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("tls")
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / "certificate.pem", folder / "key.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file, secret)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return Certificate(file, context)


@pytest_asyncio.fixture(loop_scope="module")
async def secure(certificate: Certificate) -> AsyncIterator[RawServer]:
    async with serving(certificate.context) as found:
        yield found


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of one who accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


async def refused(http: Http, url: str) -> None:
    with pytest.raises(ProviderError) as caught:
        await http.whole(Sending(url, {}, b"{}"))
    assert caught.value.fault is Fault.CONNECT


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/x",
        "https://127.0.0.1:1/x",
        "http://nowhere.invalid/x",
        "http:///x",
        "http://[::1/x",
        "http://a.invalid:port/x",
        f"http://{'a' * 70}.invalid/x",
        "ftp://127.0.0.1/x",
        "",
    ],
)
async def test_where_nobody_can_be_asked_nothing_was_sent(http: Http, url: str) -> None:
    await refused(http, url)


async def test_a_handshake_that_does_not_end_is_no_connection(http: Http, silent: int) -> None:
    await refused(http, f"https://127.0.0.1:{silent}/x")


async def test_a_connection_that_is_closed_while_it_is_made_is_none(
    http: Http, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    create = loop.create_connection

    async def closed(*given: Any, **named: Any) -> Any:
        transport, connection = await create(*given, **named)
        connection.eof_received()
        return transport, connection

    monkeypatch.setattr(loop, "create_connection", closed)
    await refused(http, f"http://127.0.0.1:{server.port}/x")
    assert not server.requests


async def test_a_name_that_is_not_found_in_time_is_no_connection(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(http._pool, "_looked_up", never)
    await refused(http, "http://a.invalid/x")


async def test_a_name_is_looked_up_once_for_all_and_its_addresses_take_turns(
    http: Http, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def found(host: str, port: int) -> list[Any]:
        asked.append(host)
        await asyncio.sleep(0)
        addresses = ("127.0.0.1", "127.0.0.2")  # nobody listens at the second
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(http._pool, "_looked_up", found)
    sending = Sending(f"http://a.invalid:{server.port}/x", {}, b"{}")
    await asyncio.gather(*(http.whole(sending) for _ in range(10)))
    assert (asked, server.connections) == (["a.invalid"], 10)
    key = ("a.invalid", server.port)
    turns = [(await http._pool._addresses(*key))[0][4][0] for _ in range(4)]
    assert sorted(turns) == ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.2"]
    assert turns[0] != turns[1]
    assert asked == ["a.invalid"]


async def test_a_host_that_cannot_be_reached_is_looked_up_again(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def found(host: str, _: int) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))]

    monkeypatch.setattr(http._pool, "_looked_up", found)
    await refused(http, "http://a.invalid/x")
    await refused(http, "http://a.invalid/x")
    assert len(asked) == 2


async def test_a_cancelled_connection_leaves_no_task(http: Http, silent: int) -> None:
    before = len(asyncio.all_tasks())
    task = asyncio.ensure_future(http.whole(Sending(f"https://127.0.0.1:{silent}/x", {}, b"{}")))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(asyncio.all_tasks()) == before


async def test_a_certificate_that_is_trusted_is_taken(
    http: Http, secure: RawServer, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    for data in (b"{}", b"x" * 3_000_000):
        assert (await http.whole(Sending(f"https://localhost:{secure.port}/x", {}, data))).data == b"{}"
    assert len(secure.requests[1]) > 3_000_000
    assert secure.connections == 1
    (connection,) = http._pool.connections
    assert connection.transport.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"


async def test_a_certificate_that_nobody_knows_is_refused(http: Http, secure: RawServer) -> None:
    await refused(http, f"https://localhost:{secure.port}/x")
    assert not secure.requests


async def test_a_certificate_for_another_host_is_refused(
    http: Http, secure: RawServer, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    await refused(http, f"https://127.0.0.2:{secure.port}/x")
    assert not secure.requests


async def test_certificates_are_not_looked_at_when_it_is_said_so(
    http: Http, secure: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_VERIFY", "False")
    assert (await http.whole(Sending(f"https://localhost:{secure.port}/x", {}, b"{}"))).status == 200


async def test_a_secure_answer_that_breaks_is_told(
    http: Http, secure: RawServer, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    secure.script = Script((OK[:-1],), "close")
    with pytest.raises(ProviderError) as caught:
        await http.whole(Sending(f"https://localhost:{secure.port}/x", {}, b"{}"))
    assert caught.value.fault is Fault.RESET


@pytest_asyncio.fixture(loop_scope="module")
async def proxy() -> AsyncIterator[Proxy]:
    made = Proxy()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()
    await listening.wait_closed()


async def test_a_proxy_is_asked_for_a_tunnel_and_sees_nothing_else(
    http: Http, secure: RawServer, certificate: Certificate, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.file))
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@127.0.0.1:{proxy.port}")
    for _ in range(3):
        url = f"https://localhost:{secure.port}/x"
        assert (await http.whole(Sending(url, {"authorization": "Bearer sk"}, b"{}"))).data == b"{}"
    (asked,) = proxy.asked
    assert asked.startswith(b"CONNECT localhost:%d HTTP/1.1\r\n" % secure.port)
    assert base64.b64encode(b"me:p@ss") in asked
    assert b"Bearer" not in asked
    assert (secure.connections, len(secure.requests)) == (1, 3)
    assert b"proxy-authorization" not in secure.requests[0]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\n\r\n", b"no HTTP\r\n\r\n"])
async def test_a_proxy_that_refuses_is_no_connection(
    http: Http, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    proxy.answer = answer
    await refused(http, "https://localhost:1/x")


async def test_a_certificate_is_checked_through_a_proxy_too(
    http: Http, secure: RawServer, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    await refused(http, f"https://localhost:{secure.port}/x")
    assert not secure.requests


async def test_a_proxy_gets_what_is_not_secret_whole(
    http: Http, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"me:you@127.0.0.1:{server.port}")
    await http.whole(Sending("http://provider.invalid/x?y=z", {}, b"{}"))
    (asked,) = server.requests
    assert asked.startswith(b"POST http://provider.invalid/x?y=z HTTP/1.1\r\nhost: provider.invalid\r\n")
    assert b"proxy-authorization: Basic " + base64.b64encode(b"me:you") in asked


def test_an_address_is_sent_as_it_is_written_unless_that_cannot_be() -> None:
    assert address_of("http://a.invalid").start == "POST / HTTP/1.1"
    assert address_of("http://a.invalid:8080/x%20y?z=ü&b").start == "POST /x%20y?z=%C3%BC&b HTTP/1.1"
    assert address_of("http://a.invalid/x y\r\nb: c").start == "POST /x%20yb:%20c HTTP/1.1"
    assert address_of("https://[::1]:443/#x").headers["host"] == "[::1]"
    assert address_of("https://ü.invalid:8443/").headers["host"] == "xn--tda.invalid:8443"


def test_an_address_with_credentials_sends_them_over_others() -> None:
    head = address_of("http://me:p%40ss@a.invalid/").head({"Authorization": "Bearer sk"}, 0)
    assert head.count(b"authorization") == 1
    assert b"authorization: Basic " + base64.b64encode(b"me:p@ss") in head
    assert b"me" not in head.partition(b"\r\n")[0].removeprefix(b"POST / ")


def test_no_secret_is_in_the_representation_of_an_address() -> None:
    assert "secret" not in repr(address_of("http://me:secret@a.invalid/"))
