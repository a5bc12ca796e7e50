"""A program that rewards purchases, and people whom Ann brings to it."""

import pytest

from examples import in_a_week

TERMS = {
    "qualification": {"event": "purchase", "min_amount": 2000, "unit": "EUR"},
    "rewards": [
        {"rule": "thanks", "to": "referrer", "amount": 1000, "unit": "EUR"},
        {"rule": "welcome", "to": "referee", "amount": 500, "unit": "EUR"},
    ],
    "hold_days": 14,
}


@pytest.fixture
async def ann(enrol_participant):
    participant, _ = await enrol_participant(external_id="ann")
    return participant


@pytest.fixture
async def launch(*, create_program, change_program, issue_participant_code, ann, clock):
    """Start a program; Ann has a code in it."""

    async def launch(slug="launch", **terms):
        await create_program(slug=slug, name=slug, terms={**TERMS, **terms})
        await change_program(slug=slug, status="active")
        code = await issue_participant_code(
            participant="ann", expires_at=in_a_week(clock), program=slug
        )
        return code.text.value

    return launch


@pytest.fixture
def bring(enrol_participant, refer_participant):
    """Enrol someone who comes with a code."""

    async def bring(name, code):
        await enrol_participant(external_id=name)
        await refer_participant(code=code, participant=name)

    return bring


@pytest.fixture
def buy(record_event):
    """A purchase of someone."""
    bought = []

    async def buy(name, amount=2500, **more):
        bought.append(name)
        recorded, _ = await record_event(
            **{
                "id": f"order-{len(bought)}",
                "type": "purchase",
                "participant": name,
                "amount": amount,
                "unit": "EUR",
                **more,
            }
        )
        return recorded

    return buy


@pytest.fixture
def refund(record_event):
    """Refund all of a purchase, or a part of it."""

    async def refund(order, amount=None):
        unit = {} if amount is None else {"amount": amount, "unit": "EUR"}
        recorded, _ = await record_event(
            id=f"refund-{order}-{amount}", type="refund", of=order, **unit
        )
        return recorded

    return refund


@pytest.fixture
def rewards_of(find_rewards):
    """Someone's rewards: rule, amount and status, oldest first."""

    async def rewards_of(name):
        page = await find_rewards(participant=name)
        return [
            (r.reward.rule, r.reward.amount, str(r.reward.status)) for r in reversed(page.items)
        ]

    return rewards_of
