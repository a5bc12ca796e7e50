"""The server: granian's worker processes, each with an application of its own."""

import asyncio
import ctypes
import gc
import os
import signal
import socket
import sys
import tempfile
from functools import partial
from typing import TYPE_CHECKING

import click
from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

from referral.entrypoints.container import create_http_app, log_risks, with_database
from referral.entrypoints.listeners import cut_stalled_clients, room_for_connections
from referral.entrypoints.logs import configure_logging
from referral.entrypoints.settings import CannotStart, Settings

if TYPE_CHECKING:
    from litestar.types import ASGIApp

STOP_SECONDS = 10  # requests in flight may take that long to finish

_WELCOME = """
The referral service is at {base}
  Documentation   {base}/docs
  A first call    curl -s {base}/api/v1/auth/user -H 'Content-Type: application/json' \\
                    -d '{{"username": "ann", "email": "ann@example.org", "password": "Q123werty!23"}}'
Stop it with Ctrl-C.
"""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is in flight. Raises CannotStart."""
    log_config = configure_logging(settings)
    with (
        with_database(settings, when_lost=_stop) as complete,
        tempfile.TemporaryDirectory(prefix="referral-metrics-") as counts,
    ):
        if complete.workers > 1:
            # Read by prometheus-client when a worker imports it: a file for each, summed on request.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = counts
        _ensure_port_is_free(complete)
        if settings.database_url:
            log_risks(settings)
        server = Granian(
            "referral",
            address=complete.host,
            port=complete.port,
            interface=Interfaces.ASGI,
            workers=complete.workers,
            loop=Loops.uvloop,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=5_000, max_buffer_size=16_384),
            websockets=False,
            backlog=4096,  # as many as Linux lets wait
            backpressure=room_for_connections(),
            respawn_failed_workers=True,
            workers_kill_timeout=STOP_SECONDS,
            log_level=LogLevels.warning,
            log_dictconfig=log_config,
        )
        host = f"[{complete.host}]" if ":" in complete.host else complete.host
        base = f"http://{host}:{complete.port}"
        server.on_startup(lambda: click.echo(_WELCOME.format(base=base)))
        server.serve(target_loader=partial(_worker_app, complete, os.getpid()), wrap_loader=False)


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _ensure_port_is_free(settings: Settings) -> None:
    """Raise CannotStart; granian itself would share the port with whoever has it (SO_REUSEPORT)."""
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        raise CannotStart(
            f"Cannot listen on {settings.host}:{settings.port}: {os.strerror(error.errno or 0)}."
            " Set REFERRAL_HOST or REFERRAL_PORT to listen elsewhere."
        ) from error


def _worker_app(settings: Settings, parent: int) -> "ASGIApp":
    # Inherited from the parent, whose handler would swallow a SIGTERM that comes while the worker starts.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _die_with(parent)
    configure_logging(settings)
    app = create_http_app(settings)
    asyncio.get_event_loop().call_soon(cut_stalled_clients, settings.port)
    # What is there now stays: collecting it again and again would hold up everyone for 50 ms each time.
    gc.collect()
    gc.freeze()
    return app


def _die_with(parent: int) -> None:
    """A worker whose parent was killed would hold the port and the database for ever."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
        if os.getppid() != parent:  # it was killed before it could be asked for that
            sys.exit("The parent process is gone.")
