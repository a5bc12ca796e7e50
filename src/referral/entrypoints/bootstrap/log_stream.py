"""A text stream that never makes a caller wait: a thread of its own writes to the file."""

import fcntl
import io
import os
import select
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

MOST_WAITING = 2 << 20  # characters: some 8,000 lines
GATHER_SECONDS = 0.02  # lines that come within this time share a system call


class LogStream(io.TextIOBase):
    """Lines on their way to a file descriptor: in order, and each in one piece, also beside other processes.

    A line that finds too many waiting, or that cannot be written, is lost. `on_loss` is told how many lines
    were, and `on_recovery` how many in all, as soon as writing works again; both may write lines.
    """

    def __init__(
        self,
        descriptor: int,
        on_loss: Callable[[int], object],
        on_recovery: Callable[[int], object],
    ) -> None:
        self._descriptor = descriptor
        self._on_loss = on_loss
        self._on_recovery = on_recovery
        self._lock = threading.Lock()
        self._texts: list[str] = []
        self._waiting = 0
        self._lost = 0
        self._torn = False
        self._wake = threading.Event()
        self._finishing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, text: str) -> int:
        with self._lock:
            fits = self._waiting + len(text) <= MOST_WAITING
            if fits:
                self._texts.append(text)
                self._waiting += len(text)
        if not fits:
            self._lose(text.count("\n"))
        elif not self._wake.is_set():  # asking is much cheaper than setting it again
            self._wake.set()
        return len(text)

    def finish(self, seconds: float) -> None:
        """Write what is waiting, for so many seconds at most; what is written later is lost."""
        self._finishing.set()
        self._wake.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while self._texts or not self._finishing.is_set():
            self._wake.wait()
            self._finishing.wait(GATHER_SECONDS)
            self._wake.clear()
            with self._lock:
                texts, self._texts = self._texts, []
            try:
                lost = self._send("".join(texts).encode(errors="backslashreplace"))
            except MemoryError:
                lost = len(texts)
            with self._lock:
                self._waiting -= sum(map(len, texts))
            if lost:
                self._lose(lost)
            elif self._lost:
                with self._lock:
                    lost, self._lost = self._lost, 0
                self._on_recovery(lost)

    def _send(self, data: bytes) -> int:
        """Write it; the number of lines that could not be written."""
        data = b"\n" * self._torn + data
        sent = 0
        with self._alone():
            while sent < len(data):
                try:
                    sent += os.write(self._descriptor, memoryview(data)[sent:])
                except BlockingIOError:  # another process has set the shared file so
                    select.select([], [self._descriptor], [])
                except OSError:  # the disk is full, or the reader is gone
                    break
        lost = data.count(b"\n", max(sent, self._torn))
        if sent:
            self._torn = sent < len(data) and data[sent - 1 : sent] != b"\n"
        return lost

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes' lines out of ours: a pipe takes only 4096 bytes in one piece.

        Files and terminals need no such care, and a stranger may hold a lock on /dev/null.
        """
        mode = os.fstat(self._descriptor).st_mode
        if not stat.S_ISFIFO(mode) and not stat.S_ISSOCK(mode):
            yield
            return
        with suppress(OSError):
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            with suppress(OSError):
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN)

    def _lose(self, lines: int) -> None:
        with self._lock:
            self._lost += lines
        self._on_loss(lines)
