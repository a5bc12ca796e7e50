from dataclasses import replace
from datetime import timedelta

import pytest

from examples import an_id, in_a_week
from referral.domain.access.caller import Caller, KeyId, Scope
from referral.domain.access.errors import MissingScope
from referral.domain.accounts.errors import ParticipantNotFound
from referral.domain.errors import InvalidInput
from referral.domain.programs.referral import ReferralStatus
from referral.domain.rewards.decision import Reason
from referral.domain.rewards.errors import EventDiffers, EventNotFound, RefundExceedsEvent

TERMS = {"qualification": {"event": "purchase", "min_amount": 2000, "unit": "EUR"}}
SHOP = Caller(key_id=KeyId(an_id(1)), key_name="shop", scopes=frozenset({Scope.EVENTS_WRITE}))
PURCHASE = {"type": "purchase", "amount": 2500, "unit": "EUR"}


@pytest.fixture
async def referee(*, create_program, change_program, issue_code, sign_up, owner, clock):
    """Who signed up with a code of a program in which a purchase of 20 EUR qualifies; as a server names them."""
    await create_program(slug="launch", name="Launch", terms=TERMS)
    await change_program(slug="launch", status="active")
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock), program="launch")
    return f"user:{(await sign_up('bob', code=code.text.value)).id}"


@pytest.fixture
def standing_of(store):
    """The status of someone's referral, as it is stored."""

    async def standing_of(name):
        found = await store.referrals.under_terms(type(an_id(1))(name.removeprefix("user:")))
        return found.referral.status, found.referral.qualified_at

    return standing_of


async def test_an_event_that_meets_the_terms_qualifies_the_referral(
    record_event, referee, standing_of, clock
):
    recorded, is_new = await record_event(id="1", participant=referee, **PURCHASE)

    assert is_new
    assert recorded.status == ReferralStatus.QUALIFIED
    assert [decision.reason for decision in recorded.decisions] == [Reason.QUALIFIED]
    assert await standing_of(referee) == (ReferralStatus.QUALIFIED, clock.now())


async def test_one_that_does_not_changes_nothing_and_is_told_why(
    record_event, referee, standing_of
):
    recorded, _ = await record_event(id="1", participant=referee, type="visit")

    assert recorded.status == ReferralStatus.SIGNED_UP
    assert [decision.reason for decision in recorded.decisions] == [Reason.OTHER_TYPE]
    assert await standing_of(referee) == (ReferralStatus.SIGNED_UP, None)


async def test_the_same_event_told_again_gives_the_first_answer(record_event, referee, clock):
    first, _ = await record_event(id="1", participant=referee, **PURCHASE)
    await record_event(id="2", participant=referee, type="refund", of="1")
    clock.advance(days=60)

    assert await record_event(id="1", participant=referee, **PURCHASE) == (first, False)


@pytest.mark.parametrize(
    "other",
    [
        {"type": "visit"},
        {"amount": 2501},
        {"unit": "USD"},
        {"metadata": {"order": "17"}},
        {"occurred_at": "2030-01-01T00:00:00Z"},
    ],
)
async def test_another_event_with_its_id_is_refused(record_event, referee, store, other):
    await record_event(id="1", participant=referee, **PURCHASE)
    before = store.read().snapshot()

    with pytest.raises(EventDiffers):
        await record_event(**{"id": "1", "participant": referee, **PURCHASE, **other})

    assert store.read() == before


async def test_an_id_stands_for_one_persons_event(record_event, referee, owner):
    await record_event(id="1", participant=referee, **PURCHASE)

    with pytest.raises(EventDiffers):
        await record_event(id="1", participant=f"user:{owner.id}", **PURCHASE)


async def test_each_server_has_ids_of_its_own_and_a_new_key_of_its_name_goes_on(
    record_event, referee
):
    first = await record_event(id="1", participant=referee, **PURCHASE, caller=SHOP)
    again = replace(SHOP, key_id=KeyId(an_id(2)))
    other = replace(SHOP, key_name="other")

    assert await record_event(id="1", participant=referee, **PURCHASE, caller=again) == (
        first[0],
        False,
    )
    assert (await record_event(id="1", participant=referee, **PURCHASE, caller=other))[1]
    assert (await record_event(id="1", participant=referee, **PURCHASE))[1]


async def test_an_event_of_someone_whom_nobody_referred_is_kept(record_event, owner, store):
    recorded, _ = await record_event(
        id="1", participant=f"user:{owner.id}", **PURCHASE, metadata={"order": "17"}
    )

    assert (recorded.status, recorded.decisions) == (None, ())
    assert await store.events.of(owner.id) == [recorded.event]
    assert recorded.event.metadata == {"order": "17"}


async def test_a_time_is_the_servers_or_now(record_event, referee, clock):
    earlier = clock.now() - timedelta(minutes=4)

    told, _ = await record_event(id="1", participant=referee, **PURCHASE, occurred_at=earlier)
    not_told, _ = await record_event(id="2", participant=referee, **PURCHASE)

    assert (told.event.occurred_at, not_told.event.occurred_at) == (earlier, clock.now())


@pytest.mark.parametrize("days", [-31, 1])
async def test_an_event_of_another_time_is_refused(record_event, referee, store, clock, days):
    with pytest.raises(InvalidInput) as refused:
        await record_event(
            id="1",
            participant=referee,
            **PURCHASE,
            occurred_at=clock.now() + timedelta(days=days),
        )

    assert [violation.field for violation in refused.value.violations] == ["occurred_at"]
    assert not store.read().events


async def test_everything_that_is_wrong_is_told_at_once(record_event):
    with pytest.raises(InvalidInput) as refused:
        await record_event(id="", type="A", amount=1, of="", occurred_at="now", metadata={"": ""})

    fields = [violation.field for violation in refused.value.violations]
    assert fields == ["id", "type", "amount", "of", "participant", "occurred_at", "metadata"]
    said = {violation.field: violation.detail for violation in refused.value.violations}
    assert said["of"] == "A refund says which event it is `of`, and no other event does."
    assert said["participant"] == "Whose event is it?"


@pytest.mark.parametrize("given", [{"type": "refund"}, {"type": "purchase", "of": "1"}])
async def test_a_refund_and_no_other_event_is_of_one(record_event, referee, given):
    with pytest.raises(InvalidInput) as refused:
        await record_event(id="2", participant=referee, **given)

    assert [violation.field for violation in refused.value.violations] == ["of"]


async def test_a_refund_is_of_all_that_is_left_and_undoes_the_qualification(
    record_event, referee, standing_of
):
    await record_event(id="1", participant=referee, **PURCHASE)
    part, _ = await record_event(id="2", type="refund", of="1", amount=500, unit="EUR")
    rest, _ = await record_event(id="3", type="refund", of="1", participant=referee)

    assert (part.event.amount.value, part.status) == (500, ReferralStatus.QUALIFIED)
    assert (rest.event.amount.value, rest.status) == (2000, ReferralStatus.SIGNED_UP)
    assert rest.decisions[0].reason == Reason.REFUND_UNDOES
    assert await standing_of(referee) == (ReferralStatus.SIGNED_UP, None)


async def test_a_refund_has_the_unit_of_its_event_told_or_not(record_event, referee):
    await record_event(id="1", participant=referee, **PURCHASE)
    part = {"id": "2", "type": "refund", "of": "1", "amount": 500}

    first, is_new = await record_event(**part)

    assert is_new
    assert (first.event.amount.value, first.event.amount.unit) == (500, "EUR")
    assert await record_event(**part, unit="EUR") == (first, False)
    assert await record_event(**part, participant=referee) == (first, False)
    with pytest.raises(EventDiffers):
        await record_event(**part, unit="USD")


async def test_a_refund_without_a_unit_is_of_an_event_that_has_one(record_event, referee):
    await record_event(id="1", participant=referee, type="visit")

    with pytest.raises(RefundExceedsEvent):
        await record_event(id="2", type="refund", of="1", amount=500)
    with pytest.raises(EventNotFound):
        await record_event(id="2", type="refund", of="17", participant=referee, amount=500)


@pytest.mark.parametrize("given", [{"amount": 2501, "unit": "EUR"}, {"amount": 1, "unit": "USD"}])
async def test_a_refund_never_exceeds_the_event(record_event, referee, store, given):
    await record_event(id="1", participant=referee, **PURCHASE)

    with pytest.raises(RefundExceedsEvent):
        await record_event(id="2", type="refund", of="1", **given)

    assert len(store.read().events) == 1


async def test_nothing_is_refunded_twice_nor_where_there_was_nothing(record_event, referee):
    await record_event(id="1", participant=referee, **PURCHASE)
    await record_event(id="2", type="refund", of="1")
    await record_event(id="3", participant=referee, type="visit")

    for of in ("1", "3"):
        with pytest.raises(RefundExceedsEvent):
            await record_event(id="4", type="refund", of=of)


async def test_a_refund_is_of_an_event_that_is_known(record_event, referee, owner):
    await record_event(id="1", participant=referee, **PURCHASE)
    await record_event(id="2", type="refund", of="1", amount=1, unit="EUR")

    for given in (
        {"of": "17"},
        {"of": "17", "participant": referee},
        {"of": "1", "participant": f"user:{owner.id}"},
        {"of": "2"},
        {"of": "1", "caller": SHOP},
    ):
        with pytest.raises(EventNotFound):
            await record_event(id="3", type="refund", **given)


async def test_an_event_of_nobody_is_refused(record_event):
    with pytest.raises(ParticipantNotFound):
        await record_event(id="1", participant="42", **PURCHASE)


@pytest.mark.parametrize("names", ["external id", "id"])
async def test_an_event_that_is_told_again_is_known_when_its_person_was_erased(
    record_event, enrol_participant, erase_participant, names
):
    ann, _ = await enrol_participant(external_id="42")
    name = "42" if names == "external id" else f"user:{ann.id}"
    first, _ = await record_event(id="1", participant=name, **PURCHASE)
    part = {"id": "2", "type": "refund", "of": "1", "participant": name, "amount": 500}
    refund, _ = await record_event(**part)
    await erase_participant(participant="42")

    assert await record_event(id="1", participant=name, **PURCHASE) == (first, False)
    assert await record_event(**part) == (refund, False)
    with pytest.raises(EventDiffers):
        await record_event(id="1", participant=name, **{**PURCHASE, "amount": 2501})
    with pytest.raises(ParticipantNotFound):
        await record_event(id="3", participant=name, **PURCHASE)


@pytest.mark.parametrize("name", ["43", f"user:{an_id(404)}"])
async def test_an_event_that_is_known_is_nobody_elses(record_event, enrol_participant, name):
    await enrol_participant(external_id="42")
    await record_event(id="1", participant="42", **PURCHASE)

    with pytest.raises(ParticipantNotFound):
        await record_event(id="1", participant=name, **PURCHASE)


async def test_an_ended_program_qualifies_nobody_any_more(
    record_event, referee, change_program, standing_of
):
    await change_program(slug="launch", status="ended")

    recorded, _ = await record_event(id="1", participant=referee, **PURCHASE)

    assert recorded.decisions[0].reason == Reason.PROGRAM_ENDED
    assert await standing_of(referee) == (ReferralStatus.SIGNED_UP, None)


async def test_who_erases_themselves_takes_the_metadata_along(
    record_event, enrol_participant, erase_participant, store
):
    ann, _ = await enrol_participant(external_id="42")
    await record_event(id="1", participant="42", **PURCHASE, metadata={"name": "Ann"})

    await erase_participant(participant="42")

    [event] = await store.events.of(ann.id)
    assert event.metadata == {}


async def test_a_scope_is_needed_and_what_lacks_it_is_recorded(record_event, referee, audit_log):
    audit_log.deeds.clear()

    with pytest.raises(MissingScope):
        await record_event(
            id="1", participant=referee, **PURCHASE, caller=replace(SHOP, scopes=frozenset())
        )

    [deed] = audit_log.deeds
    assert (deed["action"], deed["outcome"], deed["key_id"]) == (
        "record-event",
        "missing-scope",
        SHOP.key_id,
    )
