from datetime import UTC, datetime, timedelta, timezone

import pytest

from referral.application.instant import instant
from referral.domain.errors import InvalidInput


@pytest.mark.parametrize(
    "raw",
    [
        "2030-10-10 12:00",
        "2030-10-10T12:00",
        "2030-10-10T12:00:00",
        "2030-10-10T12:00:00Z",
        "2030-10-10t12:00:00z",
        "2030-10-10T12:00:00.000",
        "2030-10-10T15:00:00+03:00",
        "2030-10-10 15:00+03:00",
        datetime(2030, 10, 10, 12),  # noqa: DTZ001 - as a script may pass it
        datetime(2030, 10, 10, 12, tzinfo=UTC),
        datetime(2030, 10, 10, 15, tzinfo=timezone(timedelta(hours=3))),
    ],
)
def test_a_time_is_in_utc_unless_it_says_otherwise(raw):
    moment = instant(raw)

    assert moment == datetime(2030, 10, 10, 12, tzinfo=UTC)
    assert moment.tzinfo is UTC


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "tomorrow",
        "2030-10-10",
        "20301010T1200",
        "2030-W41-4T12:00",
        "2030-10-10T12:00:00.0000000Z",
        "1917950400",
        "٢٠٣٠-10-10T12:00",
    ],
)
def test_what_is_not_written_like_a_time_is_refused(raw):
    with pytest.raises(InvalidInput, match=r"^A time is written as 2030-10-10T12:00:00Z\.$"):
        instant(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "2030-02-30T12:00",
        "2030-10-10T25:00",
        "2030-10-10T12:00:00+25:00",
        "0000-10-10T12:00",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59-14:00",
    ],
)
def test_a_time_that_never_comes_is_refused(raw):
    with pytest.raises(InvalidInput, match=r"^This is no time on the calendar\.$"):
        instant(raw)
