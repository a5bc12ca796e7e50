import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from databases import query
from fakes import FakeClock
from referral.adapters.postgres.core.clock import PostgresClock
from referral.domain.errors import DatabaseUnavailable


@pytest.fixture(params=["fake", "postgres"])
async def clock(request, database):
    if request.param == "fake":
        return FakeClock()
    clock = PostgresClock(database)
    await clock.look()
    return clock


async def test_the_time_is_aware_and_in_utc(clock):
    assert clock.now().tzinfo is UTC
    assert clock.now().utcoffset() == timedelta(0)


async def test_time_passes_forwards(clock):
    assert clock.now() <= clock.now()


def test_the_fake_goes_where_it_is_told_to():
    clock = FakeClock()
    before = clock.now()

    clock.advance(minutes=1)
    clock.advance(seconds=-1)

    assert clock.now() - before == timedelta(seconds=59)


class MonotonicClock:
    """Moves only while a database is asked."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def monotonic(monkeypatch):
    monotonic = MonotonicClock()
    monkeypatch.setattr(time, "monotonic", monotonic)
    return monotonic


@dataclass
class SlowDatabase:
    """Its clock is ahead of the monotonic one; it is asked for some seconds, and answers for some more."""

    ahead: float
    monotonic: MonotonicClock
    asked: float = 0
    answering: float = 0

    async def all(self, _):
        self.monotonic.seconds += self.asked
        now = datetime.fromtimestamp(self.monotonic.seconds + self.ahead, UTC)
        self.monotonic.seconds += self.answering
        return [{"now": now}]


async def clock_that_looked_at(*databases):
    clock = PostgresClock(databases[0])
    for database in databases:
        clock.queries = database
        await clock.look()
    return clock


def error_of(clock, database):
    return clock.now().timestamp() - time.monotonic() - database.ahead


async def test_f24_two_processes_have_one_time_whatever_their_machines_say(database_url, database):
    here, there = PostgresClock(database), PostgresClock(database)
    await here.look()
    await there.look()

    [(now,)] = query(database_url, "SELECT clock_timestamp()")

    assert abs(here.now() - there.now()) < timedelta(seconds=0.5)
    assert abs(here.now() - now) < timedelta(seconds=1)


async def test_before_the_first_look_there_is_no_time(database):
    with pytest.raises(DatabaseUnavailable):
        PostgresClock(database).now()


async def test_a_look_is_wrong_by_half_of_what_it_took_at_most(monotonic):
    database = SlowDatabase(5000, monotonic, asked=0.3, answering=0.1)

    clock = await clock_that_looked_at(database)

    assert abs(error_of(clock, database)) == pytest.approx(0.1)


async def test_a_slow_look_does_not_spoil_what_a_quick_one_found(monotonic):
    quick, slow = SlowDatabase(5000, monotonic), SlowDatabase(5000, monotonic, answering=0.8)

    clock = await clock_that_looked_at(quick, slow)

    assert error_of(clock, quick) == pytest.approx(0)


async def test_a_quick_look_mends_what_a_slow_one_found(monotonic):
    slow, quick = SlowDatabase(5000, monotonic, answering=0.8), SlowDatabase(5000, monotonic)

    clock = await clock_that_looked_at(slow, quick)

    assert error_of(clock, quick) == pytest.approx(0)


@pytest.mark.parametrize("step", [-3600, -0.01, 0.01, 3600])
async def test_f24_a_database_whose_clock_is_set_is_followed_at_the_next_look(step, monotonic):
    before, after = SlowDatabase(5000, monotonic), SlowDatabase(5000 + step, monotonic)

    clock = await clock_that_looked_at(before, after)

    assert error_of(clock, after) == pytest.approx(0)
