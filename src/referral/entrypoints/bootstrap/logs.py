"""How the service logs: lines for people on a terminal, one JSON object a line elsewhere."""

import logging
import os
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, TextIO, cast

import msgspec
import structlog

from referral.entrypoints.bootstrap.log_stream import LogStream
from referral.entrypoints.bootstrap.settings import Settings

FINISH_SECONDS = 1  # a log that nobody reads must not hold up the end

# Without the local variables, which hold passwords and tokens.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


@contextmanager
def logging_to_stderr(
    settings: Settings, on_loss: Callable[[int], object] = lambda _: None
) -> Iterator[dict[str, Any]]:
    """Log this process's events and warnings, and what is printed there; give what makes granian's lines look alike.

    Nothing within the block waits until a line is written; `on_loss` is told how many lines were lost.
    """
    stream = LogStream(2, on_loss, _tell_of_loss)
    before, sys.stderr = sys.stderr, stream
    logging.captureWarnings(capture=True)
    try:
        yield _configure(settings, stream)
    finally:
        logging.captureWarnings(capture=False)
        sys.stderr = before
        stream.finish(FINISH_SECONDS)


def _tell_of_loss(lines: int) -> None:
    structlog.get_logger().warning("log lines were lost", lines=lines)


def _configure(settings: Settings, stream: LogStream) -> dict[str, Any]:
    processors: list[Any] = [
        _with_process,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderers: list[Any]
    if settings.log_format == "json":
        renderers = [_TRACEBACKS, _as_json]
    else:
        renderers = [
            structlog.dev.ConsoleRenderer(
                colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    level = settings.log_level.upper()
    structlog.configure(
        processors=[*processors, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", stream)),
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": processors,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
    }
    handler = {"class": "logging.StreamHandler", "formatter": "ours", "stream": "ext://sys.stderr"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"ours": formatter},
        "handlers": {"stderr": handler},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {"_granian": {"level": level}},
    }


def _with_process(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["pid"] = os.getpid()
    return event


def _as_json(_: object, __: str, event: MutableMapping[str, Any]) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()
