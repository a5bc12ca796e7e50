"""A worker process, which serves until the main process stops or is killed."""

import asyncio
import gc
import mmap
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from referral.entrypoints.bootstrap.container import create_http_app
from referral.entrypoints.bootstrap.logs import logging_to_stderr
from referral.entrypoints.bootstrap.settings import Settings
from referral.entrypoints.processes.listeners import cut_stalled_clients
from referral.entrypoints.processes.shared_values import SharedValues

if TYPE_CHECKING:
    from referral.entrypoints.http.app import Service

STOP_SECONDS = 10  # requests in flight may take that long to finish
_STOPS = {signal.SIGTERM, signal.SIGINT}


class Shared:
    """What the main process and the workers share: flags in memory, the values of the metrics, and a pipe.

    The main process alone keeps the pipe's end for writing: when that is closed, the workers stop.
    """

    def __init__(self, workers: int) -> None:
        self.values = SharedValues(workers)
        self._flags = mmap.mmap(-1, 1 + workers)
        self._reading_end, self._writing_end = os.pipe()

    def drain(self) -> None:
        """From now on no worker is ready."""
        self._flags[0] = 1

    def is_draining(self) -> bool:
        return self._flags[0] == 1

    def set_serving(self, worker: int, *, serving: bool) -> None:
        self._flags[1 + worker] = serving

    def is_serving(self, worker: int) -> bool:
        return self._flags[1 + worker] == 1

    def stop(self) -> None:
        """Stop all workers, as the end of this process would."""
        os.close(self._writing_end)

    def wait_for_stop(self) -> None:
        """In a worker: wait until the main process stops it or is no more."""
        os.close(self._writing_end)
        os.read(self._reading_end, 1)


class WorkerProcess:
    """What is done in a worker process, the first of which is number 0; it exists once in each."""

    def __init__(self, settings: Settings, shared: Shared) -> None:
        self.settings = settings
        self.shared = shared
        self._number = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._app: Service | None = None

    def prepare(self) -> None:
        """In the main process: load what every worker needs, so that each has it at once, and in memory that they share."""
        self.shared.values.keep()
        import referral.entrypoints.http.app  # noqa: F401  not before: its metrics are kept there

        gc.collect()
        gc.freeze()

    def run(self, serve: Callable[..., None], number: int, *arguments: Any) -> None:
        """Serve as granian does with `serve` and its arguments."""
        # granian would lose one that comes while it starts, and be stuck after a second one.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        with logging_to_stderr(self.settings, _count_dropped):
            try:
                self._number = number - 1
                self.shared.set_serving(self._number, serving=False)
                threading.Thread(target=self._stop_with_the_main_process, daemon=True).start()
                self.shared.values.count_for(self._number)
                serve(number, *arguments)
            except Exception:  # noqa: BLE001  what it is must be logged in the way of all else
                structlog.get_logger().exception("worker failed")
                sys.exit(1)

    def app(self) -> "Service":
        """The application; granian asks for it when the process has its event loop."""
        self._app = create_http_app(self.settings, self.shared.is_draining, self._is_started)
        self._loop = asyncio.get_event_loop()
        self._loop.call_soon(cut_stalled_clients, self.settings.port)
        # What is there now stays: collecting it again and again would hold up everyone for 50 ms each time.
        gc.collect()
        gc.freeze()
        return self._app

    def _is_started(self) -> None:
        # A little later, so that it is said only where granian has got as far as to run the loop for good.
        set_serving = partial(self.shared.set_serving, self._number, serving=True)
        asyncio.get_running_loop().call_later(0.1, set_serving)

    def _stop_with_the_main_process(self) -> None:
        self.shared.wait_for_stop()
        if self._app is None or self._loop is None:
            os._exit(0)
        self._loop.call_soon_threadsafe(self._app.hurry)
        self._loop.call_soon_threadsafe(_let_granian_stop)
        time.sleep(STOP_SECONDS)
        os._exit(1)


def _count_dropped(lines: int) -> None:
    from referral.entrypoints.http.api.health import LOG_LINES_DROPPED

    LOG_LINES_DROPPED.inc(lines)


def _let_granian_stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
