"""The server: granian's worker processes, each with an application of its own."""

import os
import signal
import socket
import sys
import threading

from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

from referral.entrypoints.bootstrap.container import log_way_to_database, with_database
from referral.entrypoints.bootstrap.logs import logging_to_stderr
from referral.entrypoints.bootstrap.settings import CannotStart, Settings
from referral.entrypoints.processes.listeners import room_for_connections
from referral.entrypoints.processes.supervisor import Supervisor

_WELCOME = """
The referral service is at {base}
  Documentation   {base}/docs
  A first call    curl -s {base}/api/v1/auth/user -H 'Content-Type: application/json' \\
                    -d '{{"username": "ann", "email": "ann@example.org", "password": "Q123werty!23"}}'
Stop it with Ctrl-C.
"""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is in flight. Raises CannotStart."""
    with (
        logging_to_stderr(settings) as log_config,
        with_database(settings, when_lost=_stop) as complete,
    ):
        _ensure_port_is_free(complete)
        log_way_to_database(complete)
        supervisor = Supervisor(
            complete,
            address=complete.host,
            port=complete.port,
            interface=Interfaces.ASGI,
            loop=Loops.uvloop,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=5_000, max_buffer_size=16_384),
            websockets=False,
            backlog=4096,  # as many as Linux lets wait
            backpressure=room_for_connections(),
            log_level=LogLevels.warning,
            log_dictconfig=log_config,
        )
        supervisor.on_startup(lambda: _welcome(complete))
        supervisor.run()


def _welcome(settings: Settings) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    text = _WELCOME.format(base=f"http://{host}:{settings.port}").encode()
    # In a thread, for nobody may read what is printed.
    threading.Thread(target=os.write, args=(sys.stdout.fileno(), text), daemon=True).start()


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _ensure_port_is_free(settings: Settings) -> None:
    """Raise CannotStart; granian itself would share the port with the process that has it (SO_REUSEPORT)."""
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        raise CannotStart(
            f"Cannot listen on {settings.host}:{settings.port}: {os.strerror(error.errno or 0)}."
            " Set REFERRAL_HOST or REFERRAL_PORT to listen elsewhere."
        ) from error
