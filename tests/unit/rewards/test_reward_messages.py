"""What endpoints are told of rewards, and of referrals that qualify."""

import pytest

NOW = "2030-01-01T00:00:00Z"
SIGN_UP = {"qualification": {"event": "signed_up"}}
SHARE = {"rule": "share", "to": "referrer", "basis_points": 1000, "unit": "EUR"}


@pytest.fixture
async def endpoint(create_endpoint, launch, bring):
    """Hears of what becomes of Bob's referral and the rewards."""

    async def endpoint(*events, **terms):
        await bring("bob", await launch(**terms))
        await create_endpoint(
            url="https://shop.example.org/", events=events or ["referral.*", "reward.*"]
        )

    return endpoint


@pytest.fixture
def reward_of(find_rewards):
    async def reward_of(name):
        return (await find_rewards(participant=name)).items[0].reward

    return reward_of


async def test_a_purchase_that_qualifies_is_told_and_each_reward_as_the_api_shows_it(
    *, endpoint, buy, told, reward_of
):
    await endpoint()
    await buy("bob")

    qualified, thanks, welcome = await told(whole=True)

    assert (qualified["type"], qualified["timestamp"]) == ("referral.qualified", NOW)
    assert (qualified["data"]["status"], qualified["data"]["qualified_at"]) == ("qualified", NOW)
    reward = await reward_of("ann")
    assert thanks == {
        "type": "reward.created",
        "timestamp": NOW,
        "data": {
            "id": str(reward.id),
            "referral": str(reward.referral_id),
            "program": "launch",
            "terms_version": 1,
            "rule": "thanks",
            "to": "referrer",
            "participant": "ann",
            "amount": 1000,
            "unit": "EUR",
            "status": "pending",
            "created_at": NOW,
            "due_at": "2030-01-15T00:00:00Z",
            "recovers": None,
            "payout": None,
        },
    }
    assert (welcome["type"], welcome["data"]["participant"]) == ("reward.created", "bob")


async def test_a_referral_that_qualified_before_is_not_told_again(*, endpoint, buy, told):
    await endpoint("referral.*")
    for _ in range(2):
        await buy("bob")

    assert await told() == ["referral.qualified"]


async def test_a_refund_that_undoes_is_told_of_each_reward(*, endpoint, buy, refund, told):
    await endpoint()
    await buy("bob")
    await refund("order-1")

    undone = (await told(whole=True))[3:]

    assert [(body["type"], body["data"]["status"]) for body in undone] == [
        ("reward.reversed", "reversed"),
        ("reward.reversed", "reversed"),
    ]


async def test_a_referral_that_a_late_refund_lets_expire_is_told(
    *, endpoint, buy, refund, told, clock
):
    await endpoint("referral.*", qualification={"event": "purchase", "within_days": 7}, rewards=[])
    await buy("bob")
    clock.advance(days=8)
    await refund("order-1")

    assert await told() == ["referral.qualified", "referral.expired"]


async def test_a_share_that_shrinks_is_told_as_reversed_with_what_is_left(
    *, endpoint, buy, refund, told
):
    await endpoint("reward.*", qualification={"event": "purchase"}, rewards=[SHARE])
    await buy("bob")
    await refund("order-1", 500)

    *_, shrunk = await told(whole=True)

    assert shrunk["type"] == "reward.reversed"
    assert (shrunk["data"]["amount"], shrunk["data"]["status"]) == (200, "pending")


async def test_what_is_to_be_recovered_is_told_as_a_negative_reward(
    *, endpoint, buy, refund, told, make_payout
):
    await endpoint("reward.*", qualification={"event": "purchase"}, rewards=[SHARE], hold_days=0)
    await buy("bob")
    payout, _ = await make_payout(reference="2030-01", unit="EUR", participant="ann")
    await refund("order-1")

    created, approved, paid, recovery = await told(whole=True)

    assert [body["type"] for body in (created, approved, paid, recovery)] == [
        *("reward.created", "reward.approved", "reward.paid", "reward.created"),
    ]
    assert (paid["data"]["status"], paid["data"]["payout"]) == ("paid", str(payout.id))
    assert (recovery["data"]["amount"], recovery["data"]["recovers"]) == (
        -250,
        created["data"]["id"],
    )


async def test_a_sign_up_is_told_before_its_rewards(*, create_endpoint, launch, bring, told):
    code = await launch(**SIGN_UP)
    await create_endpoint(url="https://shop.example.org/", events=["referral.*", "reward.*"])
    await bring("bob", code)

    assert await told() == [
        *("referral.created", "referral.qualified", "reward.created", "reward.created"),
    ]


async def test_what_is_decided_by_hand_is_told_once(
    *, endpoint, buy, told, decide_reward, reward_of
):
    await endpoint("reward.*")
    await buy("bob")
    thanks, welcome = await reward_of("ann"), await reward_of("bob")
    for verdict in ("hold", "approve", "approve", "approve"):
        await decide_reward(reward_id=thanks.id, verdict=verdict, reason="It is odd.")
    for _ in range(2):
        await decide_reward(reward_id=welcome.id, verdict="reject", reason="A test.")

    assert (await told())[2:] == ["reward.approved", "reward.rejected"]


async def test_what_is_approved_in_time_is_told(*, endpoint, buy, told, approve_due_rewards, clock):
    await endpoint("reward.approved")
    await buy("bob")
    clock.advance(days=14)
    await approve_due_rewards()

    thanks, welcome = await told(whole=True)

    assert thanks["timestamp"] == "2030-01-15T00:00:00Z"
    assert [body["data"]["participant"] for body in (thanks, welcome)] == ["ann", "bob"]


async def test_what_nobody_hears_of_is_not_kept(*, endpoint, buy, store):
    await endpoint("code.*")
    await buy("bob")

    assert store.read().deliveries == {}
