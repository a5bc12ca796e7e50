"""What becomes of referrals that are suspicious under their terms."""

import pytest

from examples import PASSWORD, an_id, in_a_week
from referral.domain.access.caller import Caller
from referral.domain.access.errors import MissingScope
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import ReferralNotFound, ReferralNotHeld
from referral.domain.programs.referral import ReferralStatus
from referral.domain.rewards.decision import Outcome, Reason
from referral.domain.rewards.explanation import sentence

SIGN_UP = {"qualification": {"event": "signed_up"}}
TWO_AN_HOUR = {"sign_ups": 2, "within_hours": 1}
ONE_AN_HOUR = {**TWO_AN_HOUR, "sign_ups": 1}
ADDRESS = "ann@gmail.com"


@pytest.fixture
def brought(*, launch, enrol_participant, refer_participant, register_user):
    """Whom Ann brought to a program of these terms; each has an address."""

    async def brought(*emails, ann=ADDRESS, **terms):
        code = await launch(**terms)
        await enrol_participant(external_id="ann", email=ann)
        found = []
        for number, email in enumerate(emails):
            await enrol_participant(external_id=f"friend-{number}", email=email)
            named, _ = await refer_participant(code=code, participant=f"friend-{number}")
            found.append(named.referral)
        return found

    return brought


@pytest.fixture
def doubts(explain_referral):
    """What was doubted of a referral: what became of it, why, and what that was decided by."""

    async def doubts(referral):
        _, made = await explain_referral(referral_id=referral.referee_id)
        decisions = [m.decision for m in made if m.decision.rule == "review"]
        return [(str(d.outcome), str(d.reason), dict(d.inputs)) for d in decisions]

    return doubts


async def test_two_addresses_of_one_mailbox_hold_a_referral(*, brought, doubts):
    [referral] = await brought("A.nn+me@googlemail.com", review={"same_person": "hold"})

    assert referral.held_reasons == ("same-person",)
    assert referral.status == ReferralStatus.SIGNED_UP
    assert await doubts(referral) == [("held", "same-person", {})]


async def test_two_people_are_not_doubted(*, brought, doubts):
    review = {"same_person": "reject", "disposable_email": "reject"}
    [referral] = await brought("bob@gmail.com", review=review)

    assert not referral.is_held
    assert await doubts(referral) == []


@pytest.mark.parametrize(("hers", "email"), [(None, None), (ADDRESS, None), (None, ADDRESS)])
async def test_who_has_no_address_is_nobody_else(*, brought, hers, email):
    review = {"same_person": "reject", "disposable_email": "reject"}
    [referral] = await brought(email, ann=hers, review=review)

    assert (referral.status, referral.is_held) == (ReferralStatus.SIGNED_UP, False)


async def test_what_the_terms_allow_is_no_doubt(*, brought, doubts):
    [referral] = await brought("a.nn@gmail.com", review={"disposable_email": "hold"})

    assert not referral.is_held
    assert await doubts(referral) == []


async def test_a_throw_away_address_rejects_a_referral_that_is_never_rewarded(
    *, brought, doubts, rewards_of, buy
):
    [referral] = await brought(
        "x@mailinator.com",
        **SIGN_UP,
        review={"disposable_email": "reject", "same_person": "hold"},
    )

    assert (referral.status, referral.qualified_at) == (ReferralStatus.REJECTED, None)
    assert not referral.is_held
    assert await doubts(referral) == [("rejected", "disposable-email", {})]
    bought = await buy("friend-0")
    assert [d.reason for d in bought.decisions] == [Reason.REFERRAL_REJECTED]
    assert await rewards_of("ann") == await rewards_of("friend-0") == []


async def test_a_rejected_referral_does_not_expire(*, brought, expire_referrals, clock):
    [referral] = await brought(
        "x@mailinator.com",
        qualification={"event": "purchase", "within_days": 1},
        review={"disposable_email": "reject"},
    )
    clock.advance(days=2)

    assert referral.qualifies_until is None
    assert await expire_referrals() == 0


async def test_one_doubt_that_rejects_is_enough(*, brought, doubts):
    [referral] = await brought(
        "a.nn@gmail.com",
        review={"velocity": {**ONE_AN_HOUR, "then": "hold"}, "same_person": "reject"},
    )

    assert referral.status == ReferralStatus.REJECTED
    assert [(outcome, reason) for outcome, reason, _ in await doubts(referral)] == [
        ("rejected", "same-person"),
        ("held", "velocity"),
    ]


async def test_a_held_referral_has_all_its_reasons_and_its_rewards_are_held(*, brought, rewards_of):
    [referral] = await brought(
        "a.nn@gmail.com",
        **SIGN_UP,
        hold_days=0,
        review={"velocity": {**ONE_AN_HOUR, "then": "hold"}, "same_person": "hold"},
    )

    assert referral.held_reasons == ("same-person", "velocity")
    assert referral.status == ReferralStatus.QUALIFIED
    assert await rewards_of("ann") == [("thanks", 1000, "held")]


async def test_from_so_many_sign_ups_on_a_referrer_is_too_fast(*, brought, doubts):
    first, second = await brought(None, None, review={"velocity": {**TWO_AN_HOUR, "then": "hold"}})

    assert not first.is_held
    assert second.held_reasons == ("velocity",)
    assert await doubts(second) == [("held", "velocity", TWO_AN_HOUR)]


@pytest.mark.parametrize(("minutes", "is_held"), [(59, True), (60, False)])
async def test_sign_ups_that_lie_apart_are_no_burst(
    *, launch, bring, clock, find_referrals, minutes, is_held
):
    code = await launch(review={"velocity": {**TWO_AN_HOUR, "then": "hold"}})
    await bring("bob", code)
    clock.advance(minutes=minutes)
    await bring("cleo", code)

    newest, _ = (await find_referrals()).items
    assert newest.referral.is_held == is_held


async def test_one_sign_up_can_be_too_many(*, brought):
    [referral] = await brought(None, review={"velocity": {**ONE_AN_HOUR, "then": "reject"}})

    assert referral.status == ReferralStatus.REJECTED


async def test_a_sign_up_is_judged_and_the_person_is_not_told(
    *, launch, enrol_participant, register_user, show_referral
):
    code = await launch(review={"same_person": "reject"})
    await enrol_participant(external_id="ann", email=ADDRESS)

    user = await register_user(username="zoe", email="a.nn@gmail.com", password=PASSWORD, code=code)

    assert user.referrer_id
    named = await show_referral(referral_id=user.id)
    assert named.referral.status == ReferralStatus.REJECTED


async def test_what_is_held_or_rejected_is_told(*, create_endpoint, brought, told):
    await create_endpoint(url="https://shop.example.org/", events=["referral.*"])
    await brought(
        *("bob@gmail.com", "a.nn@gmail.com", "x@mailinator.com"),
        review={"same_person": "hold", "disposable_email": "reject"},
    )

    messages = await told(whole=True)

    assert [body["type"] for body in messages] == [
        "referral.created",
        *("referral.created", "referral.held"),
        *("referral.created", "referral.rejected"),
    ]
    assert messages[2]["data"]["held_reasons"] == ["same-person"]
    assert messages[4]["data"]["status"] == "rejected"


ONE_PERSON = "The referral is held: both have the same e-mail address."


@pytest.fixture
async def held(*, brought, buy):
    """A referral that is held, with two held rewards."""
    [referral] = await brought("a.nn@gmail.com", review={"same_person": "hold"})
    await buy("friend-0")
    return referral.referee_id


async def test_a_referral_that_is_released_has_its_rewards_wait_for_their_time(
    *, held, decide_review, find_reviews, rewards_of, explain_referral, audit_log, clock
):
    assert [r.named.referral.referee_id for r in (await find_reviews()).items] == [held]
    [review] = (await find_reviews()).items
    assert (review.status, review.decided_at, review.reason) == ("open", None, None)
    assert [(d.reason, sentence(d)) for d in review.doubts] == [("same-person", ONE_PERSON)]
    assert await rewards_of("ann") == [("thanks", 1000, "held")]

    named = await decide_review(referral_id=held, verdict="release", reason="They are sisters.")

    assert (named.referral.is_held, named.referral.status) == (False, ReferralStatus.QUALIFIED)
    assert await rewards_of("ann") == [("thanks", 1000, "pending")]
    assert (await find_reviews()).items == []
    [review] = (await find_reviews(status="released")).items
    assert ([*map(sentence, review.doubts)], review.decided_by) == ([ONE_PERSON], "operator")
    assert (review.reason, review.decided_at) == ("They are sisters.", clock.now())
    with pytest.raises(
        InvalidInput, match="A status is one of open, released, rejected"
    ) as refused:
        await find_reviews(status="held")
    assert [v.field for v in refused.value.violations] == ["status"]
    _, made = await explain_referral(referral_id=held)
    *_, released, thanks, welcome = made
    assert {(m.at, m.terms_version) for m in (released, thanks, welcome)} == {(clock.now(), 1)}
    assert sentence(released.decision) == (
        "The referral is released, by operator: They are sisters."
    )
    assert sentence(thanks.decision) == (
        "The reward of 10.00 EUR to the referrer waits for its time again (rule thanks), "
        "by operator: They are sisters."
    )
    assert (welcome.decision.rule, welcome.decision.outcome) == ("welcome", Outcome.PENDING)
    assert audit_log.deeds[-1]["action"] == "release-referral"


async def test_a_referral_that_is_rejected_gets_nothing_and_what_was_paid_is_recovered(
    *, held, decide_review, decide_reward, find_rewards, make_payout, rewards_of, show_balance, buy
):
    [thanks] = (await find_rewards(participant="ann")).items
    for _ in range(2):
        await decide_reward(reward_id=thanks.reward.id, verdict="approve")
    await make_payout(reference="1", unit="EUR", participant="ann")

    named = await decide_review(referral_id=held, verdict="reject", reason="A fake.")

    assert (named.referral.is_held, named.referral.status) == (False, ReferralStatus.REJECTED)
    assert await rewards_of("friend-0") == [("welcome", 500, "rejected")]
    [balance] = await show_balance(participant="ann")
    assert (balance.paid, balance.recoverable) == (1000, 1000)
    assert [d.reason for d in (await buy("friend-0")).decisions] == [Reason.REFERRAL_REJECTED]


@pytest.mark.parametrize(
    ("verdict", "becomes"),
    [("release", "waits for its time again"), ("reject", "is rejected")],
)
async def test_the_referrer_reads_what_becomes_of_their_held_reward_and_not_why(
    *, held, decide_review, explain_referral, find_rewards, verdict, becomes
):
    [named] = (await find_rewards(participant="ann")).items
    reward = named.reward

    await decide_review(referral_id=held, verdict=verdict, reason="They are sisters.")

    ann = Caller(user_id=reward.beneficiary_id)
    _, made = await explain_referral(referral_id=held, caller=ann)
    assert [m.decision.rule for m in made] == ["referral", "qualification", "thanks", "thanks"]
    assert made[-1].decision.reward_id == reward.id
    assert sentence(made[-1].decision) == (
        f"The reward of 10.00 EUR to the referrer {becomes} (rule thanks): someone decided so."
    )


GOLD = {"rule": "gold", "to": "referrer", "amount": 50, "unit": "points", "at_qualified": 2}


@pytest.fixture
async def held_at_gold(*, brought, buy, decide_review):
    """A referral that is held, and so is the milestone that was reached with it."""
    bob, cleo, _ = await brought(
        *("a.nn@gmail.com", "an.n@gmail.com", "dan@gmail.com"),
        rewards=[GOLD],
        review={"same_person": "hold"},
    )
    await decide_review(referral_id=bob.referee_id, verdict="release", reason="Looked.")
    await buy("friend-0")
    await buy("friend-1")
    return cleo.referee_id


async def test_a_milestone_that_others_still_reach_waits_for_its_time(
    *, held_at_gold, buy, decide_review, rewards_of
):
    await buy("friend-2")
    assert await rewards_of("ann") == [("gold", 50, "held")]

    await decide_review(referral_id=held_at_gold, verdict="reject", reason="A fake.")

    assert await rewards_of("ann") == [("gold", 50, "pending")]


async def test_a_milestone_that_nobody_else_reaches_is_lost(
    *, held_at_gold, buy, decide_review, rewards_of
):
    await decide_review(referral_id=held_at_gold, verdict="reject", reason="A fake.")
    assert await rewards_of("ann") == [("gold", 50, "reversed")]

    await buy("friend-2")

    assert await rewards_of("ann") == [("gold", 50, "reversed"), ("gold", 50, "pending")]


async def test_a_milestone_whose_referral_was_refunded_first_is_not_lost_by_its_rejection(
    *, held_at_gold, buy, refund, decide_review, rewards_of
):
    await buy("friend-2")
    await refund("order-2")

    await decide_review(referral_id=held_at_gold, verdict="reject", reason="A fake.")

    assert await rewards_of("ann") == [("gold", 50, "pending")]


@pytest.mark.parametrize(("verdict", "outcome"), [("release", "released"), ("reject", "rejected")])
async def test_a_referral_without_rewards_is_decided_too(
    *, brought, decide_review, doubts, verdict, outcome
):
    [referral] = await brought("a.nn@gmail.com", review={"same_person": "hold"})

    await decide_review(referral_id=referral.referee_id, verdict=verdict, reason="Looked.")

    assert (await doubts(referral))[-1][0] == outcome


async def test_a_release_is_told_to_those_who_hear_of_it(
    *, held, create_endpoint, decide_review, told, clock
):
    clock.advance(days=1)
    await create_endpoint(url="https://shop.example.org/", events=["referral.*", "reward.*"])

    await decide_review(referral_id=held, verdict="release", reason="Looked.")

    [message] = await told(whole=True)
    assert (message["type"], message["timestamp"]) == ("referral.released", "2030-01-02T00:00:00Z")
    assert (message["data"]["id"], message["data"]["held"]) == (str(held), False)


async def test_reviews_are_listed_in_pages(*, brought, find_reviews):
    referrals = await brought("a.nn@gmail.com", "an.n@gmail.com", review={"same_person": "hold"})

    first = await find_reviews(limit=1)
    second = await find_reviews(limit=1, cursor=first.next_cursor)

    found = [r.named.referral.referee_id for r in (*first.items, *second.items)]
    assert found == [referral.referee_id for referral in reversed(referrals)]
    assert second.next_cursor is None


async def test_what_is_not_held_is_not_decided(*, held, decide_review):
    await decide_review(referral_id=held, verdict="release", reason="Looked.")

    with pytest.raises(ReferralNotHeld):
        await decide_review(referral_id=held, verdict="reject", reason="Looked.")
    with pytest.raises(ReferralNotFound):
        await decide_review(referral_id=an_id(404), verdict="reject", reason="Looked.")
    with pytest.raises(InvalidInput) as refused:
        await decide_review(referral_id=held, verdict="hold", reason="")
    assert [v.field for v in refused.value.violations] == ["verdict", "reason"]
    nobody = Caller(user_id=an_id(1))
    with pytest.raises(MissingScope):
        await decide_review(referral_id=held, verdict="reject", reason="x", caller=nobody)


TWO_AT_HOME = {"sign_ups": 2, "within_hours": 48}
HOME, SAME_HOME, ELSEWHERE = "192.0.2.7", "192.0.2.8", "198.51.100.7"


@pytest.fixture
def code_of_zoe(*, launch, register_user, issue_code, clock):
    """The code of Zoe, who registered at home, in a program with these terms for networks."""

    async def code_of_zoe(**same_network):
        burst = {**TWO_AT_HOME, "then": "hold", **same_network}
        await launch(review={"same_network": burst})
        zoe = await register_user(
            username="zoe", email="zoe@example.org", password=PASSWORD, client_address=HOME
        )
        code = await issue_code(owner_id=zoe.id, expires_at=in_a_week(clock), program="launch")
        return code.text.value

    return code_of_zoe


@pytest.fixture
def joined(sign_up, show_referral):
    """The referral of someone who signs up with a code at this address."""

    async def joined(name, code, address):
        user = await sign_up(name, code=code, client_address=address)
        return (await show_referral(referral_id=user.id)).referral

    return joined


async def test_who_signs_up_at_the_referrers_network_is_doubted(*, code_of_zoe, joined, doubts):
    code = await code_of_zoe()

    elsewhere = await joined("bob", code, ELSEWHERE)
    at_home = await joined("cleo", code, SAME_HOME)

    assert not elsewhere.is_held
    assert at_home.held_reasons == ("same-network",)
    assert await doubts(at_home) == [("held", "same-network", TWO_AT_HOME)]


async def test_people_of_one_referrer_at_one_network_are_doubted(*, code_of_zoe, joined):
    code = await code_of_zoe(then="reject")

    first, second = [await joined(name, code, ELSEWHERE) for name in ("bob", "cleo")]

    assert (first.status, second.status) == (ReferralStatus.SIGNED_UP, ReferralStatus.REJECTED)


async def test_a_referrer_is_seen_where_they_log_in(*, code_of_zoe, joined, log_in):
    code = await code_of_zoe()
    await log_in(username="zoe", password=PASSWORD, client_address=ELSEWHERE)

    assert (await joined("bob", code, ELSEWHERE)).is_held


@pytest.mark.parametrize(("hours", "is_held"), [(47, True), (48, False)])
async def test_who_was_at_a_network_long_ago_is_not_there(
    *, code_of_zoe, joined, clock, hours, is_held
):
    code = await code_of_zoe()
    clock.advance(hours=hours)

    assert (await joined("bob", code, HOME)).is_held == is_held


@pytest.mark.parametrize("address", [None, "", "a socket"])
async def test_who_comes_from_no_known_network_is_not_doubted_for_it(
    *, code_of_zoe, joined, address
):
    code = await code_of_zoe(sign_ups=1)

    assert not (await joined("bob", code, address)).is_held
    assert (await joined("cleo", code, ELSEWHERE)).is_held


async def test_a_server_does_not_tell_where_its_people_are(
    *, code_of_zoe, enrol_participant, refer_participant
):
    code = await code_of_zoe(sign_ups=1)
    await enrol_participant(external_id="bob")

    named, _ = await refer_participant(code=code, participant="bob")

    assert not named.referral.is_held
