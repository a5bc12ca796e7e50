from datetime import timedelta

import pytest

from examples import NOW
from referral.domain.errors import InvalidInput
from referral.domain.rewards.event import (
    EventId,
    ensure_amount,
    ensure_may_have_occurred,
    event_type,
    metadata,
)


@pytest.mark.parametrize("raw", ["1", "order 17/2", "Ä" * 128])
def test_an_id_is_taken_as_it_is(raw):
    assert EventId.parse(raw).value == raw


@pytest.mark.parametrize("raw", ["", "x" * 129, " 1", "1 ", "a\tb", "\0", "\ud800"])
def test_an_id_that_nobody_could_read_is_refused(raw):
    with pytest.raises(InvalidInput, match="An event's id"):
        EventId.parse(raw)


@pytest.mark.parametrize("raw", ["purchase", "a", "plan.renewed-2", "x" * 64, "refund"])
def test_a_type_is_a_word_of_the_servers(raw):
    assert event_type(raw) == raw


@pytest.mark.parametrize("raw", ["", "Purchase", "1st", "x" * 65, "a b", "é"])
def test_what_is_no_word_is_no_type(raw):
    with pytest.raises(InvalidInput, match="A type"):
        event_type(raw)


def test_a_server_tells_of_no_sign_up():
    with pytest.raises(InvalidInput, match="when people sign up"):
        event_type("signed_up")


@pytest.mark.parametrize(
    ("value", "unit"), [(0, "EUR"), (2**53 - 1, "points"), (1, "p2_x"), (None, None)]
)
def test_an_event_has_an_amount_and_its_unit_or_neither(value, unit):
    ensure_amount(value, unit, is_refund=False)


@pytest.mark.parametrize(("value", "unit"), [(None, None), (1, None), (1, "EUR")])
def test_a_refund_needs_neither(value, unit):
    ensure_amount(value, unit, is_refund=True)


@pytest.mark.parametrize(
    ("value", "unit", "is_refund", "why"),
    [
        (-1, "EUR", False, "from 0 to"),
        (0, "EUR", True, "from 1 to"),
        (2**53, "EUR", False, "from 0 to"),
        (1, "eUR", False, "A unit is"),
        (1, "EURO", False, "A unit is"),
        (1, "p" * 33, False, "A unit is"),
        (1, None, False, "needs a unit"),
        (None, "EUR", False, "needs a unit"),
        (None, "EUR", True, "needs a unit"),
        (0, None, True, "from 1 to"),
    ],
)
def test_an_impossible_amount_is_refused(value, unit, is_refund, why):
    with pytest.raises(InvalidInput, match=why):
        ensure_amount(value, unit, is_refund=is_refund)


@pytest.mark.parametrize("by", [timedelta(days=-30), timedelta(0), timedelta(minutes=5)])
def test_an_event_occurred_within_thirty_days_and_five_minutes(by):
    ensure_may_have_occurred(NOW + by, NOW)


@pytest.mark.parametrize(
    "by", [timedelta(days=-30, microseconds=-1), timedelta(minutes=5, microseconds=1)]
)
def test_one_of_another_time_is_refused(by):
    with pytest.raises(InvalidInput, match="30 days"):
        ensure_may_have_occurred(NOW + by, NOW)


def test_metadata_is_kept_as_it_is():
    given = {"k" * 40: "v" * 500, "k": ""} | {f"{n}": "é" for n in range(48)}

    assert metadata(given) == given


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({str(n): "" for n in range(51)}, "50 members"),
        ({"": "x"}, r"^A member's name has 1 to 40 characters, its text at most 500\.$"),
        ({"k" * 41: "x"}, "1 to 40"),
        ({"k": "v" * 501}, "500"),
        ({"k": "\0"}, r"^Metadata is text without NUL\.$"),
        ({"k": "\ud800"}, "NUL"),
        ({"\udfff": "v"}, "NUL"),
    ],
)
def test_metadata_that_cannot_be_kept_is_refused(given, why):
    with pytest.raises(InvalidInput, match=why):
        metadata(given)
