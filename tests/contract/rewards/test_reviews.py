from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from examples import NOW, a_new_code, a_referral, a_user, an_id
from referral.application.pages import MAX_POSITION, ListRequest
from referral.application.rewards.ports import MadeDecision
from referral.domain.programs.terms import TermsVersion
from referral.domain.rewards.decision import Decision, Outcome, Reason
from referral.domain.rewards.review import ReviewStatus

DOUBTS = tuple(
    Decision(rule="review", outcome=Outcome.HELD, reason=reason, inputs=inputs)
    for reason, inputs in (
        (Reason.SAME_NETWORK, {"sign_ups": 3, "within_hours": 24}),
        (Reason.SAME_PERSON, {}),
    )
)


@pytest.fixture
async def held(users, codes, referrals, decisions, ann):
    """The ids of the first and the last of three referrals, which are held for two reasons; the second is not."""
    code = await codes.add(a_new_code(ann))
    for n in (1, 2, 3):
        await users.add(a_user(f"user{n}", number=100 + n))
        doubts = () if n == 2 else DOUBTS
        referral = a_referral(an_id(100 + n), code, created_at=NOW + timedelta(minutes=n))
        await referrals.add(replace(referral, held_reasons=tuple(str(d.reason) for d in doubts)))
        await decisions.add([made(n, doubt) for doubt in doubts])
    return an_id(101), an_id(103)


def made(n, decision, hours=0):
    return MadeDecision(an_id(100 + n), TermsVersion(1), decision, NOW + timedelta(hours=hours))


@pytest.fixture
def decide(decisions, referrals):
    async def decide(n, outcome, hours):
        named = await referrals.find(an_id(100 + n))
        await referrals.save(replace(named.referral, held_reasons=()))
        by_hand = Decision(
            rule="review",
            outcome=outcome,
            reason=Reason.BY_HAND,
            inputs={"by": "operator", "because": "é"},
        )
        await decisions.add([decided := made(n, by_hand, hours)])
        return decided

    return decide


@pytest.fixture
def listed(reviews):
    async def listed(status, **request):
        page = await reviews.page_of(ReviewStatus(status), ListRequest(**request))
        return [review.named.referral.referee_id for review in page.items], page.next_cursor

    return listed


async def test_those_that_are_held_are_open_until_they_are_decided(held, reviews, listed, decide):
    first, last = held
    assert await listed("open") == ([last, first], None)
    newest, cursor = await listed("open", limit=1)
    assert (newest, await listed("open", limit=1, cursor=cursor)) == ([last], ([first], None))
    [review, _] = (await reviews.page_of(ReviewStatus.OPEN, ListRequest())).items
    assert (review.status, review.doubts) == ("open", DOUBTS)

    await decide(3, Outcome.RELEASED, 1)

    assert await listed("open") == ([first], None)


async def test_what_was_decided_is_found_with_who_did_it_when_and_why(held, reviews, decide):
    decided = await decide(1, Outcome.RELEASED, 2)

    [review] = (await reviews.page_of(ReviewStatus.RELEASED, ListRequest())).items

    assert (review.decided, review.status) == (decided, "released")
    assert review.doubts == DOUBTS
    assert review.named.referral.referee_id == an_id(101)


async def test_the_last_decided_come_first_a_page_at_a_time(held, listed, decide):
    first, last = held
    for n in (3, 1):
        await decide(n, Outcome.REJECTED, n)

    assert await listed("rejected") == ([first, last], None)
    newest, cursor = await listed("rejected", limit=1)
    assert (newest, await listed("rejected", limit=1, cursor=cursor)) == ([first], ([last], None))
    assert await listed("rejected", cursor=MAX_POSITION) == ([first, last], None)
    assert await listed("rejected", cursor=1) == ([], None)
    assert await listed("released") == ([], None)


async def test_what_was_decided_about_a_reward_of_a_rule_called_review_is_no_review(
    held, reviews, decide, decisions
):
    about = {"rule": "review", "reason": Reason.BY_HAND, "reward_id": UUID(int=1)}
    for outcome in (Outcome.HELD, Outcome.REJECTED):
        await decisions.add([made(1, Decision(outcome=outcome, **about))])
    await decide(1, Outcome.REJECTED, 2)

    [review] = (await reviews.page_of(ReviewStatus.REJECTED, ListRequest())).items

    assert review.decided.at == NOW + timedelta(hours=2)
    assert review.doubts == DOUBTS


async def test_what_terms_rejected_at_once_was_no_review(held, listed, decisions):
    doubt = Decision(rule="review", outcome=Outcome.REJECTED, reason=Reason.VELOCITY)
    await decisions.add([made(2, doubt)])

    assert await listed("rejected") == ([], None)
