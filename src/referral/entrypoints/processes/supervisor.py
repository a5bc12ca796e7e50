"""The main process: it starts the workers, replaces those that die, and stops them."""

import math
import multiprocessing
import select
import signal
import time
from collections import Counter, deque
from functools import partial
from typing import Any

import structlog
from granian.server.mp import MPServer

from referral.entrypoints.bootstrap.settings import CannotStart, Settings
from referral.entrypoints.processes.worker_process import STOP_SECONDS, Shared, WorkerProcess

FAILED_STARTS = 5  # of one worker in a row; it would not start the next time either
LOOK_SECONDS = 0.1  # between looks whether a worker has died, or a signal has come
PAUSE_SECONDS = 0.2  # before a worker that did not start is started again
_KILLED = {-signal.SIGKILL, -signal.SIGTERM}


class Supervisor(MPServer):
    """granian's main process, with rules of its own about workers that die and about stopping."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        super().__init__(
            "referral", workers=settings.workers, workers_kill_timeout=STOP_SECONDS, **options
        )
        self._drain_seconds = settings.drain_seconds
        self._shared = Shared(settings.workers)
        self._worker = WorkerProcess(settings, self._shared)
        self._failed_starts = Counter[int]()
        self._failure: CannotStart | None = None
        # Never filled: granian would end with status 1 because of a worker that died while all were stopped.
        self.interrupt_children = deque(maxlen=0)  # type: ignore[assignment]

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raises CannotStart when a worker does not start, however often it is tried."""
        # Workers that are started in other ways share no memory with this process.
        multiprocessing.set_start_method("fork", force=True)
        self._worker.prepare()
        self.serve(
            spawn_target=partial(self._worker.run, self._spawn_asgi_lifespan_worker),
            target_loader=self._worker.app,
            wrap_loader=False,
        )
        if self._failure:
            raise self._failure

    def signal_handler_interrupt(self, *_: object, **__: object) -> None:
        # Only a flag: granian's event may be locked by what the signal has interrupted, for good then.
        self.interrupt_signal = True

    def signal_handler_reload(self, *_: object, **__: object) -> None:
        """There is nothing to load again."""

    def _serve_loop(self, spawn_target: Any, target_loader: Any) -> None:
        spawn = partial(self._spawn_worker, target=spawn_target, callback_loader=target_loader)
        try:
            self._replace_the_dead(spawn, seconds=math.inf)
            self._shared.drain()
            self._replace_the_dead(spawn, seconds=self._drain_seconds)
        finally:
            self._shared.stop()

    def _replace_the_dead(self, spawn: Any, seconds: float) -> None:
        """Replace workers that die, for that long or until a signal comes."""
        deadline = time.monotonic() + seconds
        while not self.interrupt_signal and not self._failure and time.monotonic() < deadline:
            for worker in self.wrks:
                if not worker.is_alive():  # type: ignore[no-untyped-call]
                    self._replace(worker, spawn)
            # Unlike time.sleep it asks no clock, which may be a strange one.
            select.select((), (), (), LOOK_SECONDS)
        self.interrupt_signal = False

    def _replace(self, dead: Any, spawn: Any) -> None:
        number = dead.idx
        if self._shared.is_serving(number):
            self._failed_starts[number] = 0
        else:
            self._failed_starts[number] += dead.inner.exitcode not in _KILLED
            time.sleep(PAUSE_SECONDS)
        if self._failed_starts[number] == FAILED_STARTS:
            self._failure = CannotStart(
                f"Worker {number + 1} ended {FAILED_STARTS} times before it could serve, the last time with"
                f" status {dead.inner.exitcode}. The log says why."
            )
            return
        worker = spawn(idx=number)
        try:
            worker.start()
        except (
            OSError,
            RuntimeError,
        ):  # no more processes, or threads, for now; tried again at the next look
            structlog.get_logger().exception("worker cannot be replaced yet")
            if worker.inner.pid:
                worker.kill()
        else:
            self.wrks[number] = worker
