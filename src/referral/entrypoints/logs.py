"""How the service logs: lines for people on a terminal, one JSON object a line elsewhere."""

import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any

import msgspec
import structlog

from referral.entrypoints.settings import Settings

# Without the local variables, which hold passwords and tokens.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def configure_logging(settings: Settings) -> dict[str, Any]:
    """Set up this process's log, on standard error; return what makes granian's lines look alike."""
    process_id = os.getpid()
    processors: list[Any] = [
        lambda _, __, event: {**event, "pid": process_id},
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderers: list[Any]
    if settings.log_format == "json":
        renderers = [_TRACEBACKS, _as_json]
    else:
        renderers = [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    level = settings.log_level.upper()
    structlog.configure(
        processors=[*processors, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(
            sys.stderr
        ),  # a line in one piece: workers share it
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


def _as_json(_: object, __: str, event: MutableMapping[str, Any]) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()
