"""Referrals whose time to qualify has passed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from examples import an_id, in_a_week
from referral.application.programs.expire_referrals import SHARE
from referral.domain.accounts.user import UserId
from referral.domain.programs.referral import ReferralStatus
from referral.domain.rewards.decision import Reason
from referral.domain.rewards.explanation import sentence
from referral.domain.rewards.for_referrer import for_referrer

TERMS = {"qualification": {"event": "purchase", "within_days": 2}}


@pytest.fixture
async def referee(*, create_program, change_program, issue_code, sign_up, owner, clock):
    """The id of someone who signed up in a program in which a purchase within two days qualifies."""
    await create_program(slug="launch", name="Launch", terms=TERMS)
    await change_program(slug="launch", status="active")
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock), program="launch")
    return (await sign_up("bob", code=code.text.value)).id


@pytest.fixture
def status_of(show_referral):
    async def status_of(referee):
        return (await show_referral(referral_id=referee)).referral.status

    return status_of


async def test_who_does_not_qualify_in_time_expires(expire_referrals, referee, status_of, clock):
    clock.advance(days=2)
    assert await expire_referrals() == 0
    assert await status_of(referee) == ReferralStatus.SIGNED_UP

    clock.advance(seconds=1)

    assert await expire_referrals() == 1
    assert await status_of(referee) == ReferralStatus.EXPIRED
    assert await expire_referrals() == 0


async def test_that_a_referral_expired_is_explained_as_of_the_time_when_it_did(
    *, expire_referrals, explain_referral, referee, clock
):
    clock.advance(days=2, seconds=1)
    await expire_referrals()
    clock.advance(days=1)

    _, [_, made] = await explain_referral(referral_id=referee)

    assert (made.decision.rule, made.decision.outcome) == ("qualification", "expired")
    assert (made.decision.reason, dict(made.decision.inputs)) == (
        Reason.NOT_IN_TIME,
        {"within_days": 2},
    )
    assert (made.at, made.terms_version) == (clock.now() - timedelta(days=1), 1)
    assert sentence(for_referrer(made.decision)) == sentence(made.decision)
    assert sentence(made.decision) == "The referral expired: it did not qualify within 2 days."
    _, then = await explain_referral(referral_id=referee, as_of=made.at - timedelta(seconds=1))
    assert [one.decision.rule for one in then] == ["referral"]


async def test_late_word_of_an_event_in_time_still_qualifies(
    *, expire_referrals, record_event, referee, status_of, clock
):
    in_time = clock.now() + timedelta(days=2)
    clock.advance(days=20)
    await expire_referrals()

    recorded, _ = await record_event(
        id="1", participant=f"user:{referee}", type="purchase", occurred_at=in_time
    )

    assert recorded.status == await status_of(referee) == ReferralStatus.QUALIFIED
    await record_event(id="2", participant=f"user:{referee}", type="visit")
    assert await expire_referrals() == 0


@pytest.mark.parametrize("others", [0, SHARE - 2, SHARE - 1, SHARE, 2 * SHARE])
async def test_all_expire_however_many_shares_they_are(
    expire_referrals, referee, store, clock, others
):
    made = (await store.referrals.find(referee)).referral
    for number in range(others):
        async with store.begin() as tx:
            rows = tx.referrals.access.read()
            rows.referrals.append(replace(made, referee_id=UserId(an_id(1000 + number))))
    clock.advance(days=3)

    assert await expire_referrals() == others + 1
    assert await expire_referrals() == 0
    made = store.referrals.access.read().decisions
    assert len({m.referral_id for m in made}) == len(made) == others + 1
