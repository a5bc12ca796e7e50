from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from examples import NOW, a_new_code, a_referral, a_user, an_id
from referral.application.rewards.ports import MadeDecision
from referral.domain.accounts.user import ErasedUser
from referral.domain.programs.program import DEFAULT, ProgramId, ProgramStatus
from referral.domain.programs.reward_rules import RewardRule, Side
from referral.domain.programs.terms import Terms
from referral.domain.rewards.decision import QUALIFICATION, Decision, Reason, no_reward
from referral.domain.rewards.event import EventId, NewEvent
from referral.domain.rewards.excuses import Turn
from referral.domain.rewards.history import Cohort, History
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
        referrer_id=ann.id,
        program_id=referral.program_id,
        terms_version=referral.terms_version,
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


async def test_what_happened_to_the_referrals_of_a_program_is_told_in_shares(
    *, books, events, users, referral, codes, referrals, ann, bob
):
    cyd = a_user("cyd", number=3)
    await users.add(cyd)
    later = NOW + timedelta(days=1)
    other = replace(a_referral(cyd.id, await codes.by_text(a_new_code(ann).text)), created_at=later)
    await referrals.add(other)
    told = {"source": "shop", "type": "purchase", "occurred_at": NOW, "metadata": {}}
    for number, at in (("1", later), ("2", NOW)):
        event = NewEvent(id=EventId(number), participant_id=bob.id, **told)
        await events.add(event, b"digest", at)
    recorded = await events.of(bob.id)
    await users.erase(ErasedUser(id=ann.id, credentials_version=2, erased_at=later))

    async def found(at_a_time=9, **limits):
        cohort = Cohort(referral.program_id, **limits)
        async with books.open() as opened:
            shares = [share async for share in opened.histories(cohort, at_a_time)]
            assert await opened.size(cohort, 3) == min(await opened.size(cohort, None), 3)
        return shares

    [both] = await found()
    assert sorted(both, key=lambda history: history.referral.created_at) == [
        History(
            referral=referral,
            events=recorded,
            recorded_at=[later, NOW],
            referrer_erased_at=later,
        ),
        History(referral=other, events=[], recorded_at=[], referrer_erased_at=later),
    ]
    assert [len(share) for share in await found(at_a_time=1)] == [1, 1]
    assert [[h.referral for h in share] for share in await found(since=later)] == [[other]]
    assert [[h.referral for h in share] for share in await found(until=later)] == [[referral]]
    assert await found(until=NOW) == []
    async with books.open() as opened:
        assert await opened.size(Cohort(referral.program_id), None) == 4
        assert await opened.size(Cohort(ProgramId(404)), None) == 0


async def test_events_that_were_told_after_the_program_had_ended_are_named(
    *, books, events, decisions, programs, store, referral, bob
):
    told = {"source": "shop", "type": "purchase", "occurred_at": NOW, "metadata": {}}
    numbers = []
    for number, reason in (("1", Reason.QUALIFIED), ("2", Reason.PROGRAM_ENDED)):
        new = NewEvent(id=EventId(number), participant_id=bob.id, **told)
        event = await events.add(new, b"digest", NOW)
        decision = Decision(rule="qualification", outcome="qualified", reason=reason)
        await decisions.add(
            [MadeDecision(bob.id, referral.terms_version, decision, NOW, event.number)]
        )
        numbers.append(event.number)
    program = (await programs.in_force(DEFAULT)).program
    async with store.begin() as tx:
        await tx.programs.save(replace(program, status=ProgramStatus.ENDED))
        named = [await tx.decisions.told_after_end(user_id) for user_id in (bob.id, an_id(404))]

    async with books.open() as opened:
        [case] = await opened.cases(None, 10)
        [[history]] = [share async for share in opened.histories(Cohort(program.id), 9)]

    assert [{*some} for some in named] == [{numbers[1]}, set()]
    assert {*case.facts.told_after_end} == {*history.told_after_end} == {numbers[1]}


async def test_what_qualified_and_what_was_kept_from_rewarding_is_told(
    *, books, decisions, events, referral, bob
):
    told = NewEvent(
        source="shop",
        id=EventId("1"),
        type="purchase",
        participant_id=bob.id,
        occurred_at=NOW,
        metadata={},
    )
    number = (await events.add(told, b"digest", NOW)).number
    thanks = RewardRule(rule="thanks", to=Side.REFERRER, amount=1000, unit="EUR")
    refused = no_reward(thanks, Reason.REFERRER_CAP_REACHED)
    qualified = Decision(rule=QUALIFICATION, outcome="qualified", reason=Reason.QUALIFIED)
    too_small = no_reward(replace(thanks, rule="share"), Reason.SHARE_TOO_SMALL)
    whose = referral.referee_id
    await decisions.add(
        [
            MadeDecision(whose, referral.terms_version, refused, NOW),
            *(
                MadeDecision(whose, referral.terms_version, decision, NOW, number)
                for decision in (qualified, too_small)
            ),
        ]
    )

    async with books.open() as opened:
        assert sorted(await opened.turns([whose, an_id(404)])) == [
            Turn(whose, QUALIFICATION, Reason.QUALIFIED, number),
            Turn(whose, "thanks", Reason.REFERRER_CAP_REACHED, None),
        ]
        assert await opened.turns([UUID(int=404)]) == []
        assert len(await opened.cases(None, 10)) == 1
