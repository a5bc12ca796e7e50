"""The values of the metrics, in memory that all workers share.

prometheus-client's own way is a file for each worker: when the disk is full, SIGBUS kills the process that counts.
"""

import mmap
import struct
from collections.abc import Iterable, Sequence
from functools import partial
from threading import Lock
from typing import Any

import msgspec
import prometheus_client
from prometheus_client import Metric, values

_VALUE = struct.Struct("dB247s")  # a number, the length of its name, its name
_LENGTH, _NAME, _LONGEST_NAME = 8, 9, 247
_VALUES = 4096
_ROW = _VALUES * _VALUE.size


class SharedValues:
    """A row of values for each worker, made before they start; a worker that replaces another one counts on in its row.

    To the registry it is a collector without metrics, asked before all others.
    """

    def __init__(self, workers: int) -> None:
        self._memory = mmap.mmap(-1, workers * _ROW)
        self._numbers = memoryview(self._memory).cast("d")
        self._rows: list[dict[bytes, int]] = [{} for _ in range(workers)]
        self._own = 0
        self._met: set[bytes] = set()
        self._lock = Lock()

    def keep(self) -> None:
        """Keep the values of all metrics that are made from now on, in this process and in those that it forks."""
        values.ValueClass = partial(_SharedValue, self)
        registry = prometheus_client.REGISTRY
        if len(self._rows) > 1:  # they would speak of the worker that answers alone
            registry.unregister(prometheus_client.PROCESS_COLLECTOR)
            registry.unregister(prometheus_client.GC_COLLECTOR)
        registry.register(self)

    def count_for(self, worker: int) -> None:
        """Count in the row of this worker what this process counts from now on: 0 is the first."""
        self._own = worker

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        """Nothing; but the metrics of this process learn of the labels that other workers have counted."""
        metrics: dict[str, Any] = prometheus_client.REGISTRY._names_to_collectors  # noqa: SLF001
        for row in range(len(self._rows)):
            for name in self._learned(row).keys() - self._met:
                metric, labels, *_ = msgspec.json.decode(name)
                if labels:
                    metrics[metric].labels(**labels)
                self._met.add(name)
        return ()

    def add(self, name: bytes, amount: float) -> None:
        with self._lock:
            place = self._rows[self._own].get(name)
            self._numbers[self._new_place(name) if place is None else place] += amount

    def total(self, name: bytes) -> float:
        """What all workers together have counted, those included that are no more."""
        return sum(self._numbers[places[name]] for places in self._rows if name in places)

    def _new_place(self, name: bytes) -> int:
        """Where this process counts what has this name."""
        places = self._learned(self._own)
        start = self._own * _ROW + len(places) * _VALUE.size
        if name not in places and len(name) <= _LONGEST_NAME and len(places) < _VALUES - 1:
            self._memory[start + _NAME : start + _NAME + len(name)] = name
            self._memory[start + _LENGTH] = len(name)  # last: now others see it
            self._learned(self._own)
        # What finds no room is counted where nobody looks.
        return places.get(name, ((self._own + 1) * _ROW - _VALUE.size) // 8)

    def _learned(self, row: int) -> dict[bytes, int]:
        """The places in this row by name, those included that came since the last look."""
        places = self._rows[row]
        for start in range(row * _ROW + len(places) * _VALUE.size, (row + 1) * _ROW, _VALUE.size):
            _, length, name = _VALUE.unpack_from(self._memory, start)
            if not length:
                break
            places[name[:length]] = start // 8
        return places


class _SharedValue:
    """What prometheus-client asks of a value."""

    def __init__(
        self,
        shared: SharedValues,
        _type: str,
        metric: str,
        name: str,
        labels: Sequence[str],
        label_values: Sequence[str],
        *_: object,
        **__: object,
    ) -> None:
        by_label = dict(zip(labels, label_values, strict=True))
        bucket = by_label.pop("le", "")
        self._shared = shared
        self._name = msgspec.json.encode([metric, by_label, name, bucket])

    def inc(self, amount: float) -> None:
        self._shared.add(self._name, amount)

    def get(self) -> float:
        return self._shared.total(self._name)

    def get_exemplar(self) -> None:
        return None
