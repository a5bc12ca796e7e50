from datetime import timedelta

import pytest

from examples import NOW, an_endpoint, an_id
from referral.domain.webhooks.attempt import Attempt
from referral.domain.webhooks.delivery import Delivery, DeliveryStatus, MessageId
from referral.domain.webhooks.endpoint import EndpointId
from referral.domain.webhooks.message import MessageType

KEEP = timedelta(days=30)
RETRIES = [
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
]
FAILED = Attempt(at=NOW, status=500, answer="Oops")


def a_delivery(**changes):
    given = {
        "endpoint_id": EndpointId(an_id(1)),
        "message_id": MessageId(an_id(2)),
        "type": MessageType.CODE_ISSUED,
        "body": "{}",
        "created_at": NOW,
        "next_attempt_at": NOW,
    }
    return Delivery(**{**given, **changes})


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_delivers_a_message(status):
    attempt = Attempt(at=NOW + timedelta(hours=1), status=status, answer="thanks")

    delivered = a_delivery(attempts=3).after(attempt, jitter=0, keep=KEEP)

    assert delivered == a_delivery(
        status=DeliveryStatus.DELIVERED,
        attempts=4,
        next_attempt_at=None,
        last_attempt_at=attempt.at,
        last_status=status,
        last_answer="thanks",
        expires_at=attempt.at + KEEP,
    )


@pytest.mark.parametrize("status", [None, 100, 199, 300, 302, 400, 404, 429, 500, 503])
def test_anything_else_is_tried_again(status):
    after = a_delivery().after(Attempt(at=NOW, status=status), jitter=0, keep=KEEP)

    assert (after.status, after.attempts, after.expires_at) == (DeliveryStatus.PENDING, 1, None)
    assert after.next_attempt_at == NOW + timedelta(seconds=5)
    assert (after.last_attempt_at, after.last_status) == (NOW, status)


def test_a_message_is_tried_ten_times_and_then_has_failed():
    delivery, pauses = a_delivery(), []
    while delivery.status is DeliveryStatus.PENDING:
        delivery = delivery.after(FAILED, jitter=0, keep=KEEP)
        if delivery.next_attempt_at:
            pauses.append(delivery.next_attempt_at - NOW)

    assert pauses == RETRIES
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.FAILED, 10)
    assert delivery.expires_at == NOW + KEEP


def test_those_that_failed_together_do_not_come_back_together():
    early, late = (
        a_delivery(attempts=3).after(FAILED, jitter=jitter, keep=KEEP) for jitter in (0, 1)
    )

    assert early.next_attempt_at == NOW + timedelta(hours=2)
    assert late.next_attempt_at == NOW + timedelta(hours=2, minutes=12)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (timedelta(seconds=3), timedelta(seconds=5)),
        (timedelta(hours=1), timedelta(hours=1)),
        (timedelta(days=365), timedelta(days=1)),
    ],
)
def test_an_endpoint_that_asks_for_time_gets_it_up_to_a_day(asked, given):
    attempt = Attempt(at=NOW, status=503, retry_after=asked)

    assert a_delivery().after(attempt, jitter=0, keep=KEEP).next_attempt_at == NOW + given
    paused_until = an_endpoint().after(attempt).paused_until
    assert paused_until == NOW + max(attempt.wait, timedelta(seconds=1))
    assert attempt.wait == min(asked, timedelta(days=1))


def test_a_message_to_an_endpoint_that_is_gone_has_failed():
    after = a_delivery().after(Attempt(at=NOW, status=410), jitter=0, keep=KEEP)

    assert (after.status, after.next_attempt_at) == (DeliveryStatus.FAILED, None)


def test_an_endpoint_that_is_gone_is_disabled():
    gone = an_endpoint().after(Attempt(at=NOW, status=410))

    assert (gone.disabled_at, gone.disabled_because) == (NOW, "It answered 410 Gone.")


def test_an_endpoint_that_fails_for_five_days_is_disabled():
    failing = an_endpoint()
    for days in range(5):
        failing = failing.after(Attempt(at=NOW + timedelta(days=days)))
    assert (failing.failures, failing.failing_since, failing.disabled_at) == (5, NOW, None)

    nearly = failing.after(Attempt(at=NOW + timedelta(days=5, microseconds=-1)))
    over = nearly.after(Attempt(at=NOW + timedelta(days=5)))

    assert (nearly.failures, nearly.disabled_at) == (6, None)
    assert over.disabled_at == NOW + timedelta(days=5)
    assert over.disabled_because == "Nothing could be delivered for five days."


def test_what_failed_long_ago_does_not_count_when_the_next_message_fails():
    weeks_later = Attempt(at=NOW + timedelta(weeks=3), status=502)

    assert an_endpoint().after(FAILED).after(weeks_later) == an_endpoint().after(weeks_later)


def test_no_message_waits_so_long_for_its_next_attempt_that_the_one_before_does_not_count():
    last = a_delivery(attempts=len(RETRIES) - 1).after(FAILED, jitter=1, keep=KEEP)

    again = an_endpoint().after(FAILED).after(Attempt(at=last.next_attempt_at))

    assert (again.failures, again.failing_since) == (2, NOW)


def test_one_success_makes_an_endpoint_good_again():
    failing = an_endpoint().after(FAILED).after(FAILED)

    assert failing.after(Attempt(at=NOW, status=204)) == an_endpoint()


def test_an_endpoint_is_left_alone_the_longer_the_more_often_it_failed():
    pauses, endpoint = [], an_endpoint()
    for _ in range(9):
        endpoint = endpoint.after(FAILED)
        pauses.append((endpoint.paused_until - NOW).total_seconds())

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert endpoint.after(Attempt(at=NOW, status=200)).paused_until is None


def test_an_endpoint_that_is_enabled_again_has_five_days_again():
    gone = an_endpoint().after(FAILED).disabled(NOW, "Nothing could be delivered for five days.")

    assert gone.become("active", NOW) == an_endpoint()
