from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from examples import an_id, in_a_week
from fake_rewards import InMemoryRewards
from referral.application.rewards.ports import Balance
from referral.domain.access.caller import Caller, KeyId, Scope
from referral.domain.access.errors import MissingScope, PersonNeeded
from referral.domain.accounts.errors import ParticipantNotFound
from referral.domain.errors import DatabaseUnavailable, InvalidInput
from referral.domain.programs.errors import ProgramNotFound
from referral.domain.programs.referral import ReferralStatus
from referral.domain.rewards.decision import Outcome, Reason
from referral.domain.rewards.errors import RewardIsSettled, RewardNotFound
from referral.domain.rewards.explanation import sentence
from referral.domain.rewards.ledger import MOST_HELD
from referral.domain.rewards.reward import RewardStatus

GOLD = {"rule": "gold", "to": "referrer", "amount": 50, "unit": "points", "at_qualified": 2}
READER = Caller(key_id=KeyId(an_id(1)), scopes=frozenset({Scope.REWARDS_READ}))
NOBODY = replace(READER, scopes=frozenset())


async def test_a_purchase_rewards_both_sides_and_the_answer_says_so(
    *, launch, bring, buy, rewards_of, clock, find_rewards
):
    await bring("bob", await launch())

    recorded = await buy("bob")

    thanks, welcome = (d for d in recorded.decisions if d.reward_id)
    assert (thanks.rule, thanks.outcome, thanks.reason) == (
        "thanks",
        Outcome.REWARDED,
        Reason.EARNED,
    )
    assert dict(welcome.inputs) == {
        "to": "referee",
        "amount": 500,
        "unit": "EUR",
        "status": "pending",
    }
    assert await rewards_of("ann") == [("thanks", 1000, "pending")]
    assert await rewards_of("bob") == [("welcome", 500, "pending")]
    [named] = (await find_rewards(participant="ann")).items
    assert named.reward.due_at == clock.now() + timedelta(days=14)
    assert (named.program.value, named.beneficiary) == ("launch", "ann")


async def test_what_is_taken_back_says_how_and_by_which_event(
    *, launch, bring, buy, refund, make_payout, store
):
    share = {"rule": "share", "to": "referrer", "basis_points": 1000, "unit": "EUR"}
    terms = {"qualification": {"event": "purchase"}, "rewards": [share], "hold_days": 0}
    await bring("bob", await launch(**terms))
    bought = await buy("bob", 3000)
    reduced = await refund("order-1", 1000)
    reversed_ = await refund("order-1")
    again = await buy("bob", 3000)
    await make_payout(reference="2030-01", unit="EUR", participant="ann")
    recovered = await refund("order-2")

    def outcome(recorded):
        [decision] = (d for d in recorded.decisions if d.reward_id)
        return decision.outcome

    assert [outcome(recorded) for recorded in (bought, reduced, reversed_, again, recovered)] == [
        *(Outcome.REWARDED, Outcome.REDUCED, Outcome.REVERSED),
        *(Outcome.REWARDED, Outcome.TO_RECOVER),
    ]
    rewards = store.read().rewards.values()
    assert [(r.amount, r.cause) for r in rewards] == [
        (200, bought.event.number),
        (300, again.event.number),
        (-300, recovered.event.number),
    ]


async def test_someone_whom_nobody_referred_is_not_rewarded(buy, enrol_participant):
    await enrol_participant(external_id="cleo")

    recorded = await buy("cleo")

    assert (recorded.status, recorded.decisions) == (None, ())


async def test_without_days_on_hold_a_reward_is_approved_at_once(launch, bring, buy, rewards_of):
    await bring("bob", await launch(hold_days=0))
    await buy("bob")

    assert await rewards_of("ann") == [("thanks", 1000, "approved")]


async def test_a_sign_up_that_qualifies_is_rewarded(
    *, launch, bring, rewards_of, sign_up, my_rewards
):
    signing_up = {"qualification": {"event": "signed_up"}}
    code = await launch(**signing_up)
    await bring("bob", code)
    cleo = await sign_up("cleo", code=code)

    assert await rewards_of("ann") == [("thanks", 1000, "pending")] * 2
    assert await rewards_of("bob") == [("welcome", 500, "pending")]
    page = await my_rewards(caller=Caller(user_id=cleo.id))
    assert [named.reward.rule for named in page.items] == ["welcome"]


async def test_my_rewards_are_listed_in_pages(*, launch, sign_up, issue_code, my_rewards, clock):
    await launch(qualification={"event": "signed_up"}, hold_days=0)
    ann = await sign_up("Ann")
    code = await issue_code(owner_id=ann.id, expires_at=in_a_week(clock), program="launch")
    for name in ("bobby", "cleo"):
        await sign_up(name, code=code.text.value)
    caller = Caller(user_id=ann.id)

    first = await my_rewards(caller=caller, limit=1)
    second = await my_rewards(caller=caller, limit=1, cursor=first.next_cursor)

    assert [len(page.items) for page in (first, second)] == [1, 1]
    assert first.items != second.items
    assert second.next_cursor is None


async def test_the_second_qualified_referral_reaches_a_milestone_and_a_refund_undoes_it(
    *, launch, bring, buy, refund, rewards_of
):
    code = await launch(rewards=[GOLD])
    for name in ("bob", "cleo"):
        await bring(name, code)
    first = await buy("bob")
    assert first.decisions[-1].reason == Reason.MILESTONE_NOT_REACHED
    await buy("cleo")
    assert await rewards_of("ann") == [("gold", 50, "pending")]

    undone = await refund("order-1")

    assert await rewards_of("ann") == [("gold", 50, "reversed")]
    assert [d.reason for d in undone.decisions] == [
        Reason.REFUND_UNDOES,
        Reason.QUALIFICATION_UNDONE,
    ]


async def test_a_lost_milestone_is_told_where_it_was_given_too(
    *, launch, bring, buy, refund, explain_referral, show_participant
):
    code = await launch(rewards=[GOLD])
    for name in ("bob", "cleo"):
        await bring(name, code)
        await buy(name)

    async def last_of(name):
        referee = await show_participant(participant=name)
        _, made = await explain_referral(referral_id=referee.id)
        return made[-1].event, sentence(made[-1].decision)

    refunded = await refund("order-1")

    taken = "The reward of 50 points to the referrer is taken back (rule gold): "
    assert await last_of("bob") == (
        refunded.event.number,
        f"{taken}the referral no longer qualifies.",
    )
    assert await last_of("cleo") == (
        None,
        f"{taken}another referral of the referrer no longer qualifies.",
    )


async def test_a_milestone_that_others_still_reach_stays(*, launch, bring, buy, refund, rewards_of):
    code = await launch(rewards=[GOLD])
    for name in ("bob", "cleo", "dan"):
        await bring(name, code)
        await buy(name)

    await refund("order-1")

    assert await rewards_of("ann") == [("gold", 50, "pending")]


async def test_a_cap_refuses_with_a_reason(*, launch, bring, buy, rewards_of, clock):
    code = await launch(caps={"referrer": {"rewards": 1, "per_days": 30}})
    await bring("bob", code)
    await bring("cleo", code)
    await buy("bob")

    refused = await buy("cleo")

    assert await rewards_of("ann") == [("thanks", 1000, "pending")]
    assert await rewards_of("cleo") == [("welcome", 500, "pending")]
    assert refused.decisions[-1].reason == Reason.REFERRER_CAP_REACHED
    clock.advance(days=30)
    assert (await buy("cleo")).decisions[-1].reason == Reason.ALREADY_QUALIFIED


@pytest.mark.parametrize(
    "caps",
    [{"referrer": {"rewards": 1}}, {"budget": [{"unit": "EUR", "amount": 500}]}],
)
@pytest.mark.parametrize("days_ago", [(1, 3), (3, 1)])
async def test_a_share_of_an_earlier_event_takes_the_room_of_the_one_it_displaces(
    *, launch, bring, buy, rewards_of, clock, caps, days_ago
):
    share = {"rule": "share", "to": "referrer", "basis_points": 1000, "times": 1, "unit": "EUR"}
    terms = {"qualification": {"event": "purchase"}, "rewards": [share]}
    await bring("bob", await launch(**terms, caps=caps))
    clock.advance(days=5)

    for days in days_ago:
        await buy("bob", 5000, occurred_at=clock.now() - timedelta(days=days))

    given = [reward for reward in await rewards_of("ann") if reward[2] != "reversed"]
    assert given == [("share", 500, "pending")]


async def test_what_is_taken_back_gives_room_in_the_budget(
    *, launch, bring, buy, refund, rewards_of
):
    code = await launch(caps={"budget": [{"unit": "EUR", "amount": 2000}]})
    for name in ("bob", "cleo"):
        await bring(name, code)
        await buy(name)
    assert await rewards_of("ann") == [("thanks", 1000, "pending")]
    assert await rewards_of("cleo") == [("welcome", 500, "pending")]

    await refund("order-1")
    await bring("dan", code)
    await buy("dan")

    assert await rewards_of("ann") == [("thanks", 1000, "reversed"), ("thanks", 1000, "pending")]


async def test_what_was_paid_and_is_to_be_recovered_gives_room_under_the_cap(
    *, launch, bring, buy, refund, make_payout, rewards_of
):
    code = await launch(hold_days=0, caps={"referrer": {"rewards": 1}})
    for name in ("bob", "cleo"):
        await bring(name, code)
    await buy("bob")
    await make_payout(reference="2030-01", unit="EUR", participant="ann")
    await refund("order-1")

    await buy("cleo")

    assert await rewards_of("ann") == [
        *(("thanks", 1000, "paid"), ("thanks", -1000, "approved"), ("thanks", 1000, "approved")),
    ]


async def test_an_erased_referrer_gets_nothing(*, launch, bring, buy, erase_participant):
    await bring("bob", await launch())
    await erase_participant(participant="ann")

    recorded = await buy("bob")

    assert [(d.rule, d.reason) for d in recorded.decisions[1:]] == [
        ("welcome", Reason.EARNED),
        ("thanks", Reason.BENEFICIARY_ERASED),
    ]


async def test_what_someone_bought_who_was_erased_since_is_refunded_all_the_same(
    *, launch, bring, buy, refund, erase_participant, rewards_of
):
    await bring("bob", await launch())
    await buy("bob")
    await erase_participant(participant="bob")

    await refund("order-1")

    assert await rewards_of("ann") == [("thanks", 1000, "reversed")]


async def test_rewards_of_a_referral_that_is_held_are_held(
    *, launch, bring, buy, store, rewards_of
):
    await bring("bob", await launch())
    rows = store.read()
    rows.referrals[0] = replace(rows.referrals[0], held_reasons=("velocity",))

    await buy("bob")

    assert await rewards_of("ann") == [("thanks", 1000, "held")]


async def test_what_is_due_is_approved(
    *, launch, bring, buy, approve_due_rewards, rewards_of, clock, find_rewards, explain_referral
):
    await bring("bob", await launch())
    await buy("bob")
    clock.advance(days=14, seconds=-1)
    assert await approve_due_rewards() == 0
    assert await rewards_of("ann") == [("thanks", 1000, "pending")]

    clock.advance(seconds=1)
    assert await approve_due_rewards() == 2
    assert await rewards_of("ann") == [("thanks", 1000, "approved")]
    [named] = (await find_rewards(participant="ann")).items
    _, made = await explain_referral(referral_id=named.reward.referral_id)
    assert [(m.at, m.terms_version) for m in made[-2:]] == [(clock.now(), 1)] * 2
    assert [(m.decision.outcome, m.decision.reason) for m in made[-2:]] == [
        (Outcome.APPROVED, Reason.HOLD_DAYS_PASSED)
    ] * 2


async def test_more_than_one_share_is_approved(
    *, launch, bring, buy, approve_due_rewards, clock, find_rewards
):
    code = await launch()
    for n in range(60):
        await bring(f"bob-{n}", code)
        await buy(f"bob-{n}")
    clock.advance(days=14)

    assert await approve_due_rewards() == 120
    assert (await find_rewards(status="pending")).items == []


async def test_an_event_that_would_give_more_than_anybody_can_have_is_refused_whole(
    *, launch, bring, buy, rewards_of, store
):
    code = await launch(
        rewards=[{"rule": "thanks", "to": "referrer", "amount": MOST_HELD, "unit": "EUR"}]
    )
    for name in ("bob", "cleo"):
        await bring(name, code)
    await buy("bob")

    with pytest.raises(InvalidInput, match="paid ones included"):
        await buy("cleo")

    assert await rewards_of("ann") == [("thanks", MOST_HELD, "pending")]
    assert len(store.read().events) == 1


@pytest.fixture
def failing(monkeypatch):
    """The errors with which rewards of Ann's are not stored, the last of them again and again."""
    failing = []
    record = InMemoryRewards.record

    async def refuse(self, changes, now):
        if failing and any(change.after.rule == "thanks" for change in changes):
            raise failing.pop(0) if len(failing) > 1 else failing[0]
        await record(self, changes, now)

    monkeypatch.setattr(InMemoryRewards, "record", refuse)
    return failing


async def test_a_reward_that_cannot_be_approved_keeps_no_other_from_it_and_is_logged_once(
    *, launch, bring, buy, approve_due_rewards, rewards_of, clock, failing, caplog, monkeypatch
):
    monkeypatch.setattr("referral.application.rewards.approve_due_rewards.SHARE", 2)
    code = await launch()
    for name in ("bob", "cleo", "dan"):
        await bring(name, code)
        await buy(name)
    clock.advance(days=14)
    failing.append(OverflowError("too much"))

    assert await approve_due_rewards() == 3
    assert [len(caplog.records), await approve_due_rewards(), len(caplog.records)] == [3, 0, 3]
    assert await rewards_of("dan") == [("welcome", 500, "approved")]
    assert await rewards_of("ann") == [("thanks", 1000, "pending")] * 3

    failing.clear()
    assert await approve_due_rewards() == 3


@pytest.mark.parametrize("before", [[], [OverflowError("too much")]])
async def test_nothing_is_approved_while_the_database_is_away(
    *, launch, bring, buy, approve_due_rewards, clock, failing, caplog, before
):
    await bring("bob", await launch())
    await buy("bob")
    clock.advance(days=14)
    failing.extend([*before, DatabaseUnavailable()])

    with pytest.raises(DatabaseUnavailable):
        await approve_due_rewards()

    assert not caplog.records


@pytest.fixture
async def a_reward(launch, bring, buy, find_rewards):
    """The id of a pending reward of Ann's."""
    await bring("bob", await launch())
    await buy("bob")
    [named] = (await find_rewards(participant="ann")).items
    return named.reward.id


@pytest.mark.parametrize(
    ("verdict", "status"), [("approve", "approved"), ("hold", "held"), ("reject", "rejected")]
)
async def test_a_reward_is_decided_by_hand_with_a_reason(
    *, decide_reward, a_reward, verdict, status, explain_referral, audit_log
):
    reason = {} if verdict == "approve" else {"reason": "Looked at it."}
    named = await decide_reward(reward_id=a_reward, verdict=verdict, **reason)

    assert named.reward.status == status
    _, made = await explain_referral(referral_id=named.reward.referral_id)
    assert made[-1].decision.outcome == status
    assert made[-1].decision.reason == Reason.BY_HAND
    assert made[-1].decision.inputs["by"] == "operator"
    assert made[-1].decision.inputs["because"] == reason.get("reason", "")
    assert audit_log.deeds[-1]["action"] == f"{verdict}-reward"

    again = await decide_reward(reward_id=a_reward, verdict=verdict, **reason)
    assert again == named
    assert len((await explain_referral(referral_id=named.reward.referral_id))[1]) == len(made)


async def test_a_held_reward_waits_for_its_time_again(decide_reward, a_reward):
    await decide_reward(reward_id=a_reward, verdict="hold", reason="Wait.")

    named = await decide_reward(reward_id=a_reward, verdict="approve")

    assert named.reward.status == RewardStatus.PENDING


@pytest.mark.parametrize("reason", ["", " x", "x" * 501, "a\nb"])
async def test_who_holds_or_rejects_says_why(decide_reward, a_reward, reason):
    for verdict in ("hold", "reject"):
        with pytest.raises(InvalidInput, match="1 to 500"):
            await decide_reward(reward_id=a_reward, verdict=verdict, reason=reason)


async def test_a_verdict_is_one_of_three(decide_reward, a_reward):
    with pytest.raises(InvalidInput) as refused:
        await decide_reward(reward_id=a_reward, verdict="pay", reason=" ")

    assert [(v.field, v.detail) for v in refused.value.violations] == [
        ("verdict", "A verdict is one of approve, hold, reject."),
        ("reason", "A reason has 1 to 500 printable characters, and no space at its ends."),
    ]


async def test_what_is_settled_or_unknown_is_not_decided(decide_reward, a_reward):
    await decide_reward(reward_id=a_reward, verdict="reject", reason="No.")

    with pytest.raises(RewardIsSettled):
        await decide_reward(reward_id=a_reward, verdict="approve")
    with pytest.raises(RewardNotFound):
        await decide_reward(reward_id=UUID(int=404), verdict="approve")


async def test_the_balance_of_someone_is_told_by_unit(
    *, launch, bring, buy, decide_reward, find_rewards, show_balance, sign_up
):
    await bring("bob", await launch(hold_days=1))
    await buy("bob")
    assert await show_balance(participant="ann") == [Balance("EUR", pending=1000)]
    [named] = (await find_rewards(participant="ann")).items
    await decide_reward(reward_id=named.reward.id, verdict="approve")

    assert await show_balance(participant="ann", caller=READER) == [Balance("EUR", available=1000)]
    cleo = await sign_up("cleo")
    assert await show_balance(caller=Caller(user_id=cleo.id)) == []
    with pytest.raises(ParticipantNotFound):
        await show_balance(participant="nobody")
    with pytest.raises(PersonNeeded):
        await show_balance(caller=READER)


async def test_rewards_are_found_by_participant_program_and_status(
    *, launch, bring, buy, find_rewards
):
    await bring("bob", await launch())
    await bring("cleo", await launch("other"))
    await buy("bob")
    await buy("cleo")

    async def found(**wanted):
        return [(n.program.value, n.beneficiary) for n in (await find_rewards(**wanted)).items]

    assert await found(program="other") == [("other", "cleo"), ("other", "ann")]
    assert await found(participant="ann", status="pending", limit=1) == [("other", "ann")]
    assert await found(status="paid") == []
    first = await find_rewards(limit=3)
    assert await found(cursor=first.next_cursor) == [("launch", "ann")]
    with pytest.raises(InvalidInput) as refused:
        await found(status="gone")
    assert [v.field for v in refused.value.violations] == ["status"]
    for wanted, error in (
        ({"program": "unknown"}, ProgramNotFound),
        ({"participant": "nobody"}, ParticipantNotFound),
        ({"limit": 0}, InvalidInput),
    ):
        with pytest.raises(error):
            await found(**wanted)


async def test_a_caller_without_the_scope_is_refused(
    *,
    find_rewards,
    show_balance,
    decide_reward,
    make_payout,
    find_payouts,
    show_payout,
    export_payouts,
    explain_referral,
):
    for call in (
        find_rewards(caller=NOBODY),
        show_balance(participant="ann", caller=NOBODY),
        decide_reward(reward_id=UUID(int=1), verdict="approve", caller=READER),
        make_payout(reference="1", unit="EUR", participant="ann", caller=READER),
        find_payouts(caller=NOBODY),
        show_payout(payout_id=UUID(int=1), caller=NOBODY),
        export_payouts(caller=NOBODY),
        explain_referral(referral_id=UUID(int=1), caller=NOBODY),
    ):
        with pytest.raises(MissingScope):
            await call


async def test_a_refund_after_the_program_has_ended_takes_back(
    *, launch, bring, buy, refund, change_program, rewards_of
):
    await bring("bob", await launch())
    await buy("bob")
    await change_program(slug="launch", status="ended")

    await refund("order-1")

    assert await rewards_of("ann") == [("thanks", 1000, "reversed")]


async def test_each_referral_keeps_the_terms_it_was_made_under(
    *, launch, bring, buy, add_terms, rewards_of, ann
):
    code = await launch()
    await bring("bob", code)
    await add_terms(slug="launch", terms={"qualification": {"event": "purchase"}})
    await bring("cleo", code)

    await buy("bob")
    recorded = await buy("cleo")

    assert await rewards_of("ann") == [("thanks", 1000, "pending")]
    assert recorded.status == ReferralStatus.QUALIFIED
