"""Log lines: JSON for machines or text for a console, one handler on stderr, one redactor in front of it.

Everything goes through it: our own lines, the standard library's, uvicorn's, LiteLLM's, warnings, uncaught exceptions
and their tracebacks, printed without local variables. A line that cannot be written is dropped, with a note that names
no value of it; logging never makes a request fail. Start uvicorn with `log_config=None`, or it brings its own.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.telemetry.redact import Redactor
from gateway.telemetry.request_lines import NAME, RequestLines

QUIET = (
    "LiteLLM",
    "LiteLLM Router",
    "LiteLLM Proxy",
    "httpx",
    "httpcore",
    "openai",
    "aiosqlite",
    "asyncio",
    "alembic",
    "uvicorn.access",
    "aiohttp.access",
)


_requests: Callable[[Mapping[str, object]], None] | None = None


def request(fields: Mapping[str, object]) -> None:
    """A request has ended: its one line, with these fields."""
    if _requests is not None:
        _requests(fields)
    else:
        structlog.get_logger(NAME).info("request", **fields)


def configure(redactor: Redactor, *, level: str = "INFO", style: str = "json", stream: TextIO | None = None) -> None:
    """Set up logging for the process. `style` is "json" or "console"; `level` a name as `logging` knows it."""
    global _requests  # noqa: PLW0603 - as the handlers are, of the whole process
    out = stream or sys.stderr
    _requests = RequestLines(redactor, out) if style == "json" else None
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = _Handler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _redacting(redactor),
                _renderer(style, colors=out.isatty()),
            ],
        )
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    logging.getLogger().handlers[:] = [handler]
    set_level(level)
    adopt_loggers()
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def set_level(level: str) -> None:
    """The least that is logged, a name as `logging` knows it; chatty libraries say no less than warnings."""
    root = logging.getLogger()
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))


def adopt_loggers() -> None:
    """Take away every logger's own handlers and filters, so that its lines come to ours, all of them and as they are.

    `configure` does it; do it again after importing a library that sets up its own, as LiteLLM does even to uvicorn's.
    """
    for logger in list(logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            logger.handlers.clear()
            logger.filters.clear()
            logger.propagate = True


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines. Its note about a line that failed has no part of the line, which may hold a secret."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the library's own name
        error = type(sys.exception()).__name__
        with suppress(OSError, ValueError):
            self.stream.write(f'{{"event": "a log line could not be written", "error": "{error}"}}{self.terminator}')
            self.flush()


def _redacting(redactor: Redactor) -> Processor:
    def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return redactor.event(event)

    return redact


def _renderer(style: str, *, colors: bool) -> Processor:
    if style == "console":
        return structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
    if style == "json":
        return structlog.processors.JSONRenderer()
    raise ValueError(f"log style must be 'json' or 'console', not {style!r}")


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("gateway").critical("uncaught exception", exc_info=(kind, error, trace))


def _uncaught_in_thread(args: Any) -> None:
    if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
        _uncaught(args.exc_type, args.exc_value, args.exc_traceback)
