"""How long a call waits for the database, whatever it asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

# What a call waits for the database in all, so that it is refused within the two seconds that are promised.
CALL_SECONDS = 1.6


@dataclass(slots=True)
class Patience:
    """How long a call still waits for the database."""

    seconds: float = CALL_SECONDS


_of_this_call: ContextVar[Patience | None] = ContextVar("patience", default=None)


def begin_call() -> None:
    """All that this task asks of the database from here on is one call, and waits CALL_SECONDS in all.

    Where nobody says so, each statement and each transaction is a call.
    """
    _of_this_call.set(Patience())


@contextmanager
def call_of_its_own() -> Iterator[None]:
    """The same for the block alone, whatever call it is in."""
    around = _of_this_call.set(Patience())
    try:
        yield
    finally:
        _of_this_call.reset(around)


def patience() -> Patience:
    return _of_this_call.get() or Patience()
