import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from fakes import FakeAuditLog, FakeSealing
from referral.application.access import once as use_case
from referral.application.access.once import Answer, Once
from referral.application.audit import Audit
from referral.domain.access.errors import IdempotencyKeyReused, RequestInProgress
from referral.domain.accounts.errors import UserNotFound
from referral.domain.errors import DatabaseUnavailable

REQUEST = b"POST /things secret"


@pytest.fixture
def call(once):
    """Call under the key `key`, unless told otherwise; the call counts how often it is done."""

    async def call(doing, *, caller="ann", key="key", request=REQUEST):
        return await once(caller=caller, key=key, request=request, call=doing)

    return call


class Counter:
    """A call that answers with how often it was made."""

    def __init__(self, *, done=True):
        self.calls, self.done = 0, done

    async def __call__(self):
        self.calls += 1
        return Answer(f"answer {self.calls}".encode(), self.done)


async def test_a_repeated_call_gets_the_first_answer_and_does_nothing(call):
    counter = Counter()

    first = await call(counter)
    again = await call(counter)

    assert first == Answer(b"answer 1", done=True)
    assert again == Answer(b"answer 1", done=True, repeated=True)
    assert counter.calls == 1


async def test_a_refused_call_leaves_the_key_free(call):
    refused = Counter(done=False)

    assert await call(refused) == Answer(b"answer 1", done=False)
    assert await call(refused) == Answer(b"answer 2", done=False)


async def test_a_call_that_fails_leaves_the_key_free(call):
    async def fails():
        raise UserNotFound

    with pytest.raises(UserNotFound):
        await call(fails)

    assert not (await call(Counter())).repeated


@pytest.mark.parametrize("other", [{"caller": "bob"}, {"key": "other"}])
async def test_other_callers_and_other_keys_are_other_calls(call, other):
    await call(Counter())

    assert not (await call(Counter(), **other)).repeated


async def test_no_caller_and_key_can_be_put_together_to_look_like_others(call):
    await call(Counter(), caller="ann", key="b")

    assert not (await call(Counter(), caller="an", key="nb")).repeated


async def test_the_key_of_another_request_is_refused(call):
    await call(Counter())

    with pytest.raises(IdempotencyKeyReused):
        await call(Counter(), request=b"POST /things other")


async def test_a_call_that_goes_on_is_not_done_a_second_time(call):
    second = Counter()

    async def slow():
        with pytest.raises(RequestInProgress):
            await call(second)
        with pytest.raises(IdempotencyKeyReused):
            await call(second, request=b"other")
        return Answer(b"slow", done=True)

    assert (await call(slow)).content == b"slow"
    assert second.calls == 0


@pytest.fixture
def renewed(store, clock, monkeypatch):
    """Let nine seconds pass, and wait until the claim of the call that goes on has ten again."""
    monkeypatch.setattr(use_case, "RENEWED_SECONDS", 0)

    async def renewed():
        clock.advance(seconds=9)
        [stored] = store.idempotency_records._calls.values()
        async with asyncio.timeout(5):
            while stored.expires_at < clock.now() + timedelta(seconds=10):
                await in_turn(1)

    return renewed


async def test_a_call_that_takes_longer_than_a_claim_has_its_key_all_the_time(call, renewed):
    second = Counter()

    async def slow():
        for _ in range(3):
            await renewed()
            with pytest.raises(RequestInProgress):
                await call(second)
        return Answer(b"slow", done=True)

    first = await call(slow)

    assert await call(second) == Answer(first.content, done=True, repeated=True)
    assert second.calls == 0


async def test_the_lines_of_a_batch_that_takes_long_are_told_and_kept(
    *, call, renewed, record_events, enrol_participant
):
    await enrol_participant(external_id="ann")
    visits = [{"id": str(n), "type": "visit", "participant": "ann"} for n in range(3)]

    async def batch():
        told = []
        async for _, is_new in record_events(visits):
            told.append(b"new" if is_new else b"known")
            await renewed()
        return Answer(b" ".join(told), done=True)

    assert await call(batch) == Answer(b"new new new", done=True)
    assert await call(batch) == Answer(b"new new new", done=True, repeated=True)


async def test_a_claim_that_could_not_be_renewed_is_renewed_the_next_time(
    *, call, renewed, clock, monkeypatch
):
    async def slow():
        asked = asyncio.Event()

        def now():
            asked.set()
            raise DatabaseUnavailable

        with monkeypatch.context() as away:
            away.setattr(clock, "now", now)
            async with asyncio.timeout(5):
                await asked.wait()
        await renewed()
        return Answer(b"slow", done=True)

    assert await call(slow) == Answer(b"slow", done=True)


@pytest.mark.usefixtures("renewed")
@pytest.mark.parametrize("turns", [0, 5])
@pytest.mark.parametrize("fails", [False, True])
async def test_nothing_is_renewed_once_a_call_is_over(*, call, clock, monkeypatch, turns, fails):
    async def takes_turns():
        await in_turn(turns)
        if fails:
            raise UserNotFound
        return Answer(b"answer", done=True)

    with suppress(UserNotFound):
        await call(takes_turns)

    asked = []
    monkeypatch.setattr(clock, "now", lambda: asked.append("the time"))
    await in_turn(5)
    assert asked == []


async def in_turn(turns):
    """Let whatever else there is to do go on, so many times."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def test_after_24_hours_a_key_is_new_again(call, clock):
    await call(Counter())

    clock.advance(hours=24)

    assert not (await call(Counter())).repeated


async def test_neither_the_request_nor_the_answer_is_stored_in_clear(call, store):
    await call(Counter())

    [(call_id, stored)] = store.idempotency_records._calls.items()
    assert stored.request.startswith(b"sealed with secret:")
    assert stored.answer == b"sealed with secret:answer 1"
    assert REQUEST not in stored.request
    assert b"ann" not in call_id


async def test_what_a_secret_that_is_gone_has_sealed_is_never_done_a_second_time(
    call, store, clock
):
    await call(Counter())
    changed = Once(store.idempotency_records, FakeSealing("another"), clock, Audit(FakeAuditLog()))

    with pytest.raises(IdempotencyKeyReused):
        await changed(caller="ann", key="key", request=REQUEST, call=Counter())
