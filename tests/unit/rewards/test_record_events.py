"""Many events, one after the other, each by itself."""

from contextlib import contextmanager
from dataclasses import replace

import pytest

from examples import an_id
from referral.domain.access.caller import Caller, KeyId, Scope
from referral.domain.access.errors import MissingScope
from referral.domain.accounts.errors import ParticipantNotFound
from referral.domain.errors import DatabaseUnavailable, InvalidInput, OutcomeUnknown


@pytest.fixture
async def ann(enrol_participant):
    return (await enrol_participant(external_id="ann"))[0]


def visit(number, participant="ann", **more):
    return {"id": str(number), "type": "visit", "participant": participant, **more}


async def told(record_events, *events, **more):
    return [outcome async for outcome in record_events(events, **more)]


@pytest.mark.usefixtures("ann")
async def test_each_is_recorded_or_refused_by_itself_in_their_order(record_events, record_event):
    first, nobody, again, bad = await told(
        record_events, visit(1), visit(2, "nobody"), visit(1), visit("")
    )

    assert first[1]
    assert again == (first[0], False)
    assert isinstance(nobody, ParticipantNotFound)
    assert isinstance(bad, InvalidInput)
    assert await record_event(**visit(1)) == again


async def test_what_came_of_one_is_known_before_the_next_is_read(record_events, ann, store):
    def events():
        yield visit(1)
        read.append(len(store.read().events))
        yield visit(2)

    read = []

    assert len([outcome async for outcome in record_events(events())]) == 2
    assert read == [1]


async def test_who_lacks_the_scope_is_refused_before_anything_is_read(record_events, audit_log):
    def events():
        raise AssertionError("nobody asked for it")
        yield

    key, person = KeyId(an_id(1)), an_id(2)
    for caller in (Caller(key_id=key), Caller(user_id=person)):
        with pytest.raises(MissingScope):
            record_events(events(), caller=caller)

    refused = {"action": "record-events", "outcome": "missing-scope"}
    assert audit_log.deeds == [{**refused, "key_id": key}, {**refused, "user_id": person}]


@pytest.mark.usefixtures("ann")
async def test_each_is_recorded_for_its_caller(record_events, record_event):
    shop = Caller(key_id=KeyId(an_id(1)), scopes=frozenset({Scope.EVENTS_WRITE}))

    [(first, is_new)] = await told(record_events, visit(1), caller=shop)

    assert is_new
    assert await record_event(**visit(1), caller=shop) == (first, False)


@pytest.mark.parametrize("error", [DatabaseUnavailable, OutcomeUnknown])
async def test_once_the_database_does_not_answer_the_rest_is_refused_without_asking_it(
    record_events, ann, store, error
):
    away = Away(store, error, after=1)
    use = replace(
        record_events, record_event=replace(record_events.record_event, unit_of_work=away)
    )

    first, *rest = await told(use, visit(1), visit(2), visit(3), visit("", "nobody"))

    assert first[1]
    assert [type(outcome) for outcome in rest] == [error, DatabaseUnavailable, DatabaseUnavailable]
    assert away.asked == 2


@pytest.mark.usefixtures("ann")
async def test_each_is_committed_by_itself_in_a_call_that_is_done_once(record_events, store, clock):
    class Stop(Exception):
        pass

    records = store.idempotency_records

    async def call():
        async with records.effects_of(await records.claim(b"c", b"r", clock.now()), clock):
            await told(record_events, visit(1), visit(2))
            raise Stop

    with pytest.raises(Stop):
        await call()

    assert len(store.read().events) == 2


class Away:
    """Units of work that fail after so many."""

    def __init__(self, store, error, after):
        self.store, self.error, self.after, self.asked = store, error, after, 0

    def begin(self):
        self.asked += 1
        if self.asked > self.after:
            raise self.error
        return self.store.begin()

    @contextmanager
    def apart(self):
        yield
