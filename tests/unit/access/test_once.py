import pytest

from fakes import FakeAuditLog, FakeSealing
from referral.application.access.once import Answer, Once
from referral.application.audit import Audit
from referral.domain.access.errors import IdempotencyKeyReused, RequestInProgress
from referral.domain.accounts.errors import UserNotFound

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
