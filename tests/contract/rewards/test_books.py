from uuid import UUID

import pytest

from examples import NOW, an_id
from referral.application.rewards.ports import MadeDecision
from referral.domain.programs.terms import Terms
from referral.domain.rewards.decision import Reason, no_reward
from referral.domain.rewards.event import EventId, NewEvent
from referral.domain.rewards.ledger import Account
from referral.domain.rewards.proof import Case
from referral.domain.rewards.qualification import Facts


@pytest.fixture
def books(store):
    return store.books


async def test_a_referral_is_found_with_all_that_is_kept_of_its_rewards(
    *, books, events, give, a_reward, referral, ann, bob
):
    told = {"source": "shop", "type": "purchase", "occurred_at": NOW, "metadata": {}}
    event = await events.add(
        NewEvent(id=EventId("1"), participant_id=bob.id, **told), b"digest", NOW
    )
    await events.add(NewEvent(id=EventId("2"), participant_id=ann.id, **told), b"digest", NOW)
    [reward] = await give(a_reward(1))

    async with books.open() as opened:
        assert await opened.events() == 2
        [case] = await opened.cases(None, 10)
        assert await opened.cases(bob.id, 10) == []
        assert await opened.cases(None, 1) == [case]
        assert [difference async for difference in opened.sums()] == []

    assert case == Case(
        referral_id=bob.id,
        terms=Terms(),
        facts=Facts(
            referred_at=referral.created_at,
            status=referral.status,
            qualified_at=referral.qualified_at,
            is_over=False,
        ),
        events=[event],
        rewards=[reward],
        entries={reward.id: {Account.BUDGET: -1000, Account.PENDING: 1000}},
    )


async def test_rules_that_were_kept_from_rewarding_are_told(books, decisions, referral):
    made = [
        no_reward("thanks", Reason.REFERRER_CAP_REACHED),
        no_reward("share", Reason.SHARE_TOO_SMALL),
    ]
    await decisions.add(
        [MadeDecision(referral.referee_id, referral.terms_version, d, NOW) for d in made]
    )

    async with books.open() as opened:
        ids = [referral.referee_id, an_id(404)]
        assert [*await opened.refused(ids)] == [(referral.referee_id, "thanks")]
        assert [*await opened.refused([UUID(int=404)])] == []
        assert len(await opened.cases(None, 10)) == 1
