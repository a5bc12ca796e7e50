import asyncio
from contextlib import contextmanager, suppress
from contextvars import copy_context
from datetime import timedelta

import pytest

from examples import a_refresh_token, a_user
from referral.adapters.postgres.core.patience import call_of_its_own, patience
from referral.application.access.ports import CallRecord, Claim
from referral.domain.access.errors import InvalidRefreshToken, RequestInProgress
from referral.domain.accounts.errors import UsernameTaken, UserNotFound

CALL, REQUEST, ANSWER = b"call", b"request", b"answer"


class Stop(Exception):
    """Something went wrong in the middle."""


@pytest.fixture
def records(store):
    return store.idempotency_records


async def done(records, clock, answer=ANSWER, call_id=CALL):
    """A call that was claimed and answered."""
    claim = await records.claim(call_id, REQUEST, clock.now())
    async with records.effects_of(claim, clock) as record:
        record.keep(answer)


async def claimed(records, clock, request=REQUEST):
    claim = await records.claim(CALL, request, clock.now())
    assert isinstance(claim, Claim)
    return claim


async def test_who_asks_first_has_the_claim_and_others_learn_that_it_goes_on(records, clock):
    await claimed(records, clock)

    assert await records.claim(CALL, b"another", clock.now()) == CallRecord(REQUEST, None)


async def test_of_many_who_ask_together_one_has_the_claim(records, clock):
    asked = await asyncio.gather(*(records.claim(CALL, REQUEST, clock.now()) for _ in range(20)))

    assert [type(answer) for answer in asked].count(Claim) == 1


async def test_calls_do_not_know_each_other(records, clock):
    await done(records, clock, call_id=b"other")

    await claimed(records, clock)


async def test_an_answer_is_remembered_for_24_hours(records, clock):
    await done(records, clock)

    clock.advance(hours=24, seconds=-1)
    assert await records.claim(CALL, b"another", clock.now()) == CallRecord(REQUEST, ANSWER)

    clock.advance(seconds=1)
    await claimed(records, clock)


async def test_a_claim_that_was_given_up_can_be_had_again(records, clock):
    async with records.effects_of(await claimed(records, clock), clock):
        pass

    await claimed(records, clock)


async def test_a_claim_whose_holder_was_killed_can_be_had_after_ten_seconds(records, clock):
    await claimed(records, clock, b"first")

    clock.advance(seconds=10)
    await claimed(records, clock, b"second")

    assert await records.claim(CALL, REQUEST, clock.now()) == CallRecord(b"second", None)


async def test_a_claim_that_is_renewed_lasts_ten_seconds_from_then(records, clock):
    claim = await claimed(records, clock)
    for _ in range(3):
        clock.advance(seconds=9)
        await records.renew(claim, clock.now())

    clock.advance(seconds=9)
    assert await records.claim(CALL, b"another", clock.now()) == CallRecord(REQUEST, None)

    clock.advance(seconds=1)
    await claimed(records, clock)


async def test_a_claim_that_is_renewed_while_the_call_writes_is_answered_with_what_it_kept(
    store, records, clock
):
    ann = a_user("ann")
    claim = await claimed(records, clock)

    async with records.effects_of(claim, clock) as record:
        await store.users.add(ann)
        with a_call_that_has_waited():
            await records.renew(claim, clock.now() + timedelta(seconds=9))
        clock.advance(seconds=18)
        assert await records.claim(CALL, b"another", clock.now()) == CallRecord(REQUEST, None)
        record.keep(ANSWER)

    assert await store.users.by_id(ann.id) == ann
    assert await records.claim(CALL, b"another", clock.now()) == CallRecord(REQUEST, ANSWER)


@contextmanager
def a_call_that_has_waited():
    """Within it, no time is left to wait for the database."""
    with call_of_its_own():
        patience().seconds = 0
        yield


async def test_a_claim_that_is_lost_is_not_renewed(records, clock):
    lost = await claimed(records, clock, b"first")
    clock.advance(seconds=10)
    await claimed(records, clock, b"second")

    clock.advance(seconds=9)
    await records.renew(lost, clock.now())

    clock.advance(seconds=1)
    await claimed(records, clock, b"third")


async def test_an_answer_is_kept_as_long_whenever_its_claim_is_renewed(records, clock):
    claim = await claimed(records, clock)
    async with records.effects_of(claim, clock) as record:
        record.keep(ANSWER)

    await records.renew(claim, clock.now())

    clock.advance(hours=24, seconds=-1)
    assert await records.claim(CALL, b"another", clock.now()) == CallRecord(REQUEST, ANSWER)


async def test_what_is_written_inside_is_read_there_at_once_and_by_others_at_the_end(
    store, records, clock
):
    ann, bob = a_user("ann", number=1), a_user("bob", number=2)
    claim, outside = await claimed(records, clock), copy_context()

    async with records.effects_of(claim, clock) as record:
        await store.users.add(ann)
        async with store.begin() as tx:
            await tx.users.add(bob)
            await tx.refresh_tokens.add(a_refresh_token(bob))
        record.keep(ANSWER)
        assert await store.users.by_id(ann.id) == ann
        with pytest.raises(UserNotFound):
            await asyncio.create_task(unjoined(store.users.by_id(ann.id)), context=outside)

    assert await store.users.by_id(ann.id) == ann
    assert await store.users.by_id(bob.id) == bob
    assert await store.refresh_tokens.lock(a_refresh_token(bob).digest)


async def unjoined(reading):
    return await reading


async def test_an_exception_undoes_every_write_and_gives_the_claim_up(store, records, clock):
    ann = a_user("ann")
    claim = await claimed(records, clock)

    async def call():
        async with records.effects_of(claim, clock) as record:
            await store.users.add(ann)
            async with store.begin() as tx:
                await tx.refresh_tokens.add(a_refresh_token(ann))
            record.keep(ANSWER)
            raise Stop

    with pytest.raises(Stop):
        await call()

    with pytest.raises(UserNotFound):
        await store.users.by_id(ann.id)
    with pytest.raises(InvalidRefreshToken):
        await store.refresh_tokens.lock(a_refresh_token(ann).digest)
    await claimed(records, clock)


async def test_a_call_that_is_cancelled_leaves_nothing(store, records, clock):
    ann, written = a_user("ann"), asyncio.Event()
    claim = await claimed(records, clock)

    async def call():
        async with records.effects_of(claim, clock):
            await store.users.add(ann)
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(call())
    async with asyncio.timeout(10):
        await written.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    await store.users.add(ann)
    await claimed(records, clock)


async def test_a_refused_call_keeps_what_it_had_committed_before(store, records, clock):
    ann = a_user("ann")
    await store.users.add(ann)
    await store.refresh_tokens.add(a_refresh_token(ann))
    claim = await claimed(records, clock)

    async with records.effects_of(claim, clock):
        async with store.begin() as tx:
            await tx.refresh_tokens.revoke_all_of(ann.id)
        with pytest.raises(UsernameTaken):
            await store.users.add(a_user("ann", number=2, email="other@example.org"))

    with pytest.raises(InvalidRefreshToken):
        await store.refresh_tokens.lock(a_refresh_token(ann).digest)
    await claimed(records, clock)


async def test_a_refused_unit_of_work_undoes_itself_alone(store, records, clock):
    ann, bob = a_user("ann", number=1), a_user("bob", number=2)
    claim = await claimed(records, clock)

    async def bob_and_a_second_ann():
        async with store.begin() as tx:
            await tx.users.add(bob)
            await tx.users.add(a_user("ann", number=3, email="other@example.org"))

    async with records.effects_of(claim, clock) as record:
        await store.users.add(ann)
        with pytest.raises(UsernameTaken):
            await bob_and_a_second_ann()
        record.keep(ANSWER)

    assert await store.users.by_id(ann.id) == ann
    with pytest.raises(UserNotFound):
        await store.users.by_id(bob.id)


async def test_f20_who_lost_the_claim_meanwhile_undoes_what_it_did(store, records, clock):
    ann = a_user("ann")
    slow = await claimed(records, clock)

    async def slowly():
        async with records.effects_of(slow, clock) as record:
            await store.users.add(ann)
            clock.advance(seconds=10)
            await claimed(records, clock)
            record.keep(b"too late")

    with pytest.raises(RequestInProgress):
        await slowly()

    with pytest.raises(UserNotFound):
        await store.users.by_id(ann.id)
    assert await records.claim(CALL, REQUEST, clock.now()) == CallRecord(REQUEST, None)


async def test_outside_writes_are_committed_one_by_one_again(store, records, clock):
    await done(records, clock)
    ann = a_user("ann")

    await store.users.add(ann)

    async with asyncio.timeout(5):
        assert await store.users.by_id(ann.id) == ann
