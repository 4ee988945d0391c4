"""S8, logs: twelve planted secrets are sent through every way a line can be written, and none of them comes out."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
import structlog

from gateway.errors import Fault, ProviderError
from gateway.telemetry.log import adopt_loggers, configure
from gateway.telemetry.redact import MARK, Redactor
from gateway.types import Call, Deployment, Endpoint, Options, Price

KNOWN = {
    "openai key": "sk-proj-cAnAry01_abcDEF-ghiJKL",
    "anthropic key": "sk-ant-cAnAry02-mnoPQR",
    "google key": "AIzacAnAry03stuVWXyz0123456789abcdefgh",
    "master key": "cAnAry04-master",
    "virtual key": "sk-atl-cAnAry05ABCDEFGHIJKLMNOPQRSTUV",
    "database password": "cAnAry06/with?odd=chars&more",
    "redis password": "cAnAry07 with spaces",
    "digest secret": "cAnAry08-ünïcödé-ключ",
    "quoted secret": "cAnAry09\"'\\end",
    "bearer of a user": "cAnAry10.eyJhbGciOi.J9",
    "azure key": "cAnAry11abcdef0123456789",
    "webhook secret": "cAnAry12\nsecond line",
}
UNKNOWN = (
    "Authorization: Bearer cAnAry13-never-registered",
    "https://example.test/v1?key=cAnAry14neverregistered",
    "postgresql://atelier:cAnAry15@db/atelier",
    "provider said: Incorrect API key provided: sk-cAnAry16neverregistered",
    '{"x_api_key": "cAnAry17-never-registered"}',
)
LOGGERS = ("gateway.pipeline", "uvicorn.error", "uvicorn.access", "LiteLLM", "some.library")


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, hooks = list(root.handlers), root.level, (sys.excepthook, threading.excepthook)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(capture=False)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def as_text(secret: str) -> None:
    for name in LOGGERS:
        logging.getLogger(name).error(f"failed with {secret}")  # noqa: G004
        structlog.get_logger(name).error(f"failed with {secret}")


def as_arguments(secret: str) -> None:
    logging.getLogger("uvicorn.access").error('%s - "%s %s"', "127.0.0.1", "GET", f"/v1?key={quote(secret)}")
    logging.getLogger("LiteLLM").error("request %s headers %r", {"api_base": secret}, [secret])


def as_members(secret: str) -> None:
    log = structlog.get_logger("gateway")
    log.error(
        "request", url=f"https://host/v1?key={quote(secret, safe='')}", nested={"a": [{"b": (secret,)}]}, raw=secret
    )
    log.error("body", body=json.dumps({"content": secret}), data=secret.encode(), key_as_name={secret: 1})


def as_context(secret: str) -> None:
    structlog.contextvars.bind_contextvars(credential=secret, note=secret)
    structlog.get_logger("gateway").error("with context")
    structlog.contextvars.clear_contextvars()


def as_exception(secret: str) -> None:
    try:
        try:
            raise ProviderError(Fault.CREDENTIALS, f"refused {secret}")  # noqa: TRY301
        except ProviderError as error:
            error.add_note(f"sent {secret}")
            raise RuntimeError(f"gave up on {secret!r}") from error
    except RuntimeError as error:
        structlog.get_logger("gateway").exception("failed")
        structlog.get_logger("gateway").error("failed", error=error, cause=error.__cause__)
        logging.getLogger("LiteLLM").exception(error)  # noqa: TRY401 - as libraries do
        sys.excepthook(type(error), error, error.__traceback__)


def as_local_variable(secret: str) -> None:
    def call_provider(api_key: str, body: dict[str, str]) -> None:
        raise ValueError(f"{len(api_key)} {len(body)}")

    try:
        call_provider(secret, {"key": secret})
    except ValueError:
        structlog.get_logger("gateway").exception("failed")


def as_object(secret: str) -> None:
    deployment = Deployment(
        "d", "g", "openai", "openai/x", Endpoint.CHAT, Price(), api_key=secret, params={"api_key": secret}
    )
    call = Call("gen-1", "req_1", Endpoint.CHAT, secret, {"messages": secret}, Options(), 0.0, 0.0, 1.0)
    structlog.get_logger("gateway").error("state", deployment=deployment, call=call)
    logging.getLogger("gateway").error("%s %r", deployment, call)


def as_warning(secret: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn(secret, UserWarning, stacklevel=2)
    logging.captureWarnings(capture=False)


def as_thread(secret: str) -> None:
    def fail() -> None:
        raise ConnectionError(secret)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


def as_task_that_nobody_awaits(secret: str) -> None:
    async def fail() -> None:
        raise ConnectionError(secret)

    async def main() -> None:
        asyncio.get_running_loop().call_exception_handler({"message": f"lost {secret}", "exception": OSError(secret)})
        await asyncio.gather(asyncio.create_task(fail()), return_exceptions=True)

    asyncio.run(main())


def as_line_that_cannot_be_formatted(secret: str) -> None:
    logging.getLogger("LiteLLM").error("%s %s %s", secret, secret)  # noqa: PLE1206 - the point of it


WAYS = (
    as_text,
    as_arguments,
    as_members,
    as_context,
    as_exception,
    as_local_variable,
    as_object,
    as_warning,
    as_thread,
    as_task_that_nobody_awaits,
    as_line_that_cannot_be_formatted,
)
FOR_SHAPES = (as_text, as_context, as_exception, as_warning, as_thread)  # where the text stays as it is


@pytest.mark.usefixtures("logging_as_before")
@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_planted_secret_comes_out_of_the_log(
    way: Callable[[str], None], style: str, capfd: pytest.CaptureFixture[str]
):
    out = io.StringIO()
    configure(Redactor(KNOWN.values()), style=style, stream=out)
    logging.getLogger("LiteLLM").addHandler(logging.StreamHandler())
    adopt_loggers()
    for secret in (*KNOWN.values(), *(UNKNOWN if way in FOR_SHAPES else ())):
        before = out.tell()
        way(secret)
        assert out.tell() > before, "something must have been written"
    written = out.getvalue() + "".join(capfd.readouterr())
    assert "cAnAry" not in written
    if style == "json":
        assert all(isinstance(json.loads(line), dict) for line in out.getvalue().splitlines())


@pytest.mark.usefixtures("logging_as_before")
def test_the_canaries_would_be_seen_without_the_redactor():
    out = io.StringIO()
    configure(Redactor(), stream=out)
    as_text(KNOWN["master key"])
    assert out.getvalue().count(KNOWN["master key"]) == 2 * len(LOGGERS)


@pytest.mark.parametrize("secret", KNOWN.values(), ids=KNOWN)
def test_a_message_for_a_client_goes_through_the_same_redactor(secret):
    redactor = Redactor(KNOWN.values())
    text = redactor.text(f"upstream: {secret!r}, {secret}, {quote(secret)}, {json.dumps({'error': secret})}")
    assert "cAnAry" not in text
    assert MARK in text
