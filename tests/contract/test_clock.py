from datetime import UTC, timedelta

import pytest

from fakes import FakeClock
from referral.adapters.system import SystemClock


@pytest.fixture(params=[FakeClock, SystemClock], ids=["fake", "system"])
def clock(request):
    return request.param()


def test_the_time_is_aware_and_in_utc(clock):
    assert clock.now().tzinfo is UTC
    assert clock.now().utcoffset() == timedelta(0)


def test_time_passes_forwards(clock):
    assert clock.now() <= clock.now()


def test_the_fake_goes_where_it_is_told_to():
    clock = FakeClock()
    before = clock.now()

    clock.advance(minutes=1)
    clock.advance(seconds=-1)

    assert clock.now() - before == timedelta(seconds=59)
