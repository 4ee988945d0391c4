"""Every line, whoever wrote it, comes out once, as JSON, through the redactor."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from gateway.telemetry.log import adopt_loggers, configure
from gateway.telemetry.redact import MARK, Redactor

SECRET = "hunter2-hunter2"
Lines = Callable[[], list[dict[str, Any]]]

pytestmark = pytest.mark.usefixtures("logging_as_before")


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def lines(out: io.StringIO) -> Lines:
    configure(Redactor([SECRET]), stream=out)
    return lambda: [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_time_level_and_logger(lines):
    structlog.contextvars.bind_contextvars(request_id="req_1")
    structlog.get_logger("gateway.test").info("request", status=200, text="two\nlines", note=SECRET)
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "gateway.test",
        "request_id": "req_1",
        "status": 200,
        "text": "two\nlines",
        "note": MARK,
    }


def test_the_standard_librarys_lines_come_the_same_way(lines):
    logging.getLogger("some.library").warning("got %s and %d", SECRET, 3)
    (line,) = lines()
    assert line["event"] == f"got {MARK} and 3"
    assert (line["level"], line["logger"]) == ("warning", "some.library")


@pytest.mark.parametrize("name", ["uvicorn", "uvicorn.error", "LiteLLM", "LiteLLM Router"])
def test_handlers_that_a_library_brings_are_taken_away(lines, name):
    own = io.StringIO()
    logger = logging.getLogger(name)
    logger.addHandler(logging.StreamHandler(own))
    logger.propagate = False
    adopt_loggers()
    logger.error("upstream said %s", SECRET)
    assert own.getvalue() == ""
    assert [line["event"] for line in lines()] == [f"upstream said {MARK}"]


def test_lines_below_the_level_and_the_chatter_of_libraries_are_left_out(out):
    configure(Redactor(), level="INFO", stream=out)
    structlog.get_logger("gateway").debug("details")
    logging.getLogger("httpx").info("HTTP Request")
    logging.getLogger("LiteLLM").debug("request body")
    assert out.getvalue() == ""
    configure(Redactor(), level="DEBUG", stream=out)
    structlog.get_logger("gateway").debug("details")
    logging.getLogger("LiteLLM").debug("request body")
    assert "details" in out.getvalue()
    assert "request body" not in out.getvalue()


@pytest.mark.parametrize("foreign", [True, False])
def test_a_traceback_is_printed_redacted_and_without_local_variables(lines, foreign):
    def fails(local: str) -> None:
        raise ValueError(f"refused {SECRET} ({len(local)})")

    try:
        fails("a-local-value")
    except ValueError:
        logger = logging.getLogger("x") if foreign else structlog.get_logger("x")
        logger.exception("it failed")
    (line,) = lines()
    assert "Traceback" in line["exception"]
    assert f"ValueError: refused {MARK}" in line["exception"]
    assert "a-local-value\n" not in line["exception"]
    assert "local =" not in line["exception"]


def test_exc_info_without_an_exception_is_no_problem(lines):
    logging.getLogger("x").error("nothing happened", exc_info=True)  # noqa: LOG014 - the point of it
    structlog.get_logger("x").error("nothing happened", exc_info=True)
    assert [line["event"] for line in lines()] == ["nothing happened"] * 2


def test_warnings_become_lines(lines):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn(f"deprecated {SECRET}", UserWarning, stacklevel=1)
    logging.captureWarnings(capture=False)
    (line,) = lines()
    assert f"deprecated {MARK}" in line["event"]


def test_what_nobody_caught_is_a_redacted_line(lines):
    error = ValueError(SECRET)
    sys.excepthook(ValueError, error, None)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    thread = threading.Thread(target=list[int]().pop)
    thread.start()
    thread.join()
    first, second = lines()
    assert (first["event"], first["level"]) == ("uncaught exception", "critical")
    assert first["exception"] == f"ValueError: {MARK}"
    assert "IndexError" in second["exception"]


def test_a_thread_that_exits_on_purpose_is_no_news(lines):
    thread = threading.Thread(target=lambda: sys.exit(3))
    thread.start()
    thread.join()
    assert lines() == []


def test_a_line_that_cannot_be_formatted_is_dropped_with_a_note_without_its_values(out, capsys):
    configure(Redactor([SECRET]), stream=out)
    logging.getLogger("x").error("two %s %s", SECRET)  # noqa: PLE1206 - the point of it
    (line,) = map(json.loads, out.getvalue().splitlines())
    assert line == {"event": "a log line could not be written", "error": "TypeError"}
    assert SECRET not in capsys.readouterr().err


def test_a_stream_that_is_gone_stops_nobody(capsys):
    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    configure(Redactor(), stream=Gone())
    structlog.get_logger("x").info("to nobody")
    assert capsys.readouterr().err == ""


def test_the_console_style_is_for_people(out):
    configure(Redactor([SECRET]), style="console", stream=out)
    try:
        int(SECRET)
    except ValueError:
        structlog.get_logger("x").exception("it failed", status=500)
    assert "it failed" in out.getvalue()
    assert "status=500" in out.getvalue()
    assert f"{MARK}'" in out.getvalue()
    assert SECRET not in out.getvalue()


def test_an_unknown_style_is_refused():
    with pytest.raises(ValueError, match="'json' or 'console'"):
        configure(Redactor(), style="xml", stream=io.StringIO())


def test_without_a_stream_lines_go_to_stderr(capsys):
    configure(Redactor())
    structlog.get_logger("x").info("hello")
    captured = capsys.readouterr()
    assert json.loads(captured.err)["event"] == "hello"
    assert captured.out == ""
