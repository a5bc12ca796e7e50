import asyncio
from dataclasses import replace

import pytest

from databases import a_unit_of_work
from examples import a_new_code, a_referral, a_refresh_token, a_user
from referral.adapters.postgres.accounts.users import PostgresUsers
from referral.adapters.postgres.core.database import Database
from referral.application.pages import PageRequest
from referral.domain.access.errors import InvalidRefreshToken
from referral.domain.accounts.errors import EmailTaken, UsernameTaken, UserNotFound
from referral.domain.errors import DatabaseUnavailable
from referral.domain.programs.errors import ActiveCodeExists, CodeNotFound, CodeTaken


class Stop(Exception):
    """Something went wrong in the middle."""


async def sign_up_bob(tx, ann):
    """Write to every store."""
    bob = a_user("bob", number=2)
    code = await tx.codes.add(a_new_code(ann))
    await tx.users.add(bob)
    await tx.referrals.add(a_referral(bob.id, code))
    token = a_refresh_token(bob)
    await tx.refresh_tokens.add(token)
    return bob, code, token


async def ensure_bob_left_no_trace(store, ann):
    with pytest.raises(UserNotFound):
        await store.users.by_id(a_user("bob", number=2).id)
    with pytest.raises(CodeNotFound):
        await store.codes.by_text(a_new_code(ann).text)
    with pytest.raises(InvalidRefreshToken):
        await store.refresh_tokens.lock(a_refresh_token(ann).digest)
    assert (await store.referrals.page_of(ann.id, PageRequest())).total == 0


async def test_at_a_clean_end_all_of_it_is_stored(store, ann):
    async with store.begin() as tx:
        bob, code, token = await sign_up_bob(tx, ann)

    assert (await store.users.by_id(bob.id)).referrer_id == ann.id
    assert await store.codes.by_text(code.text) == replace(code, uses=1)
    assert await store.refresh_tokens.lock(token.digest) == (token, await store.users.by_id(bob.id))
    assert (await store.referrals.page_of(ann.id, PageRequest())).total == 1


async def test_it_is_stored_when_it_returns_too(store, ann):
    async def returning():
        async with store.begin() as tx:
            return await sign_up_bob(tx, ann)

    bob, *_ = await returning()

    assert await store.users.by_id(bob.id)


async def test_an_exception_undoes_all_of_it(store, ann):
    async def half_of_it():
        async with store.begin() as tx:
            await sign_up_bob(tx, ann)
            raise Stop

    with pytest.raises(Stop):
        await half_of_it()

    await ensure_bob_left_no_trace(store, ann)


async def test_a_refusal_undoes_all_of_it(store, ann):
    async def too_much():
        async with store.begin() as tx:
            await sign_up_bob(tx, ann)
            await tx.users.add(a_user("ann", number=3, email="other@example.org"))

    with pytest.raises(UsernameTaken):
        await too_much()

    await ensure_bob_left_no_trace(store, ann)


async def test_what_was_refused_is_not_stored_and_the_rest_is(store, ann):
    async with store.begin() as tx:
        bob, code, _ = await sign_up_bob(tx, ann)
        with pytest.raises(UsernameTaken):
            await tx.users.add(a_user("ann", number=3, email="other@example.org"))
        with pytest.raises(EmailTaken):
            await tx.users.add(a_user("other", number=4, email="ann@example.org"))
        with pytest.raises(CodeTaken):
            await tx.codes.add(a_new_code(bob, code.text.value))
        with pytest.raises(ActiveCodeExists):
            await tx.codes.add(a_new_code(ann, "ANOTHER-1"))
        with pytest.raises(UserNotFound):
            await tx.codes.add(a_new_code(a_user("nobody", number=404)))

    assert await store.users.by_id(bob.id)
    assert [c.text for c in (await store.codes.page_of(ann.id, PageRequest())).items] == [code.text]
    assert (await store.codes.page_of(bob.id, PageRequest())).total == 0
    for number in (3, 4):
        with pytest.raises(UserNotFound):
            await store.users.by_id(a_user(number=number).id)


async def test_a_cancelled_task_leaves_nothing_and_holds_nothing(store, ann):
    written = asyncio.Event()

    async def sign_up_and_wait():
        async with store.begin() as tx:
            await sign_up_bob(tx, ann)
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(sign_up_and_wait())
    async with asyncio.timeout(10):
        await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await ensure_bob_left_no_trace(store, ann)
    async with store.begin() as tx:
        assert await sign_up_bob(tx, ann)


async def test_inside_one_sees_ones_own_writes(store, ann):
    async with store.begin() as tx:
        bob, code, _ = await sign_up_bob(tx, ann)

        assert (await tx.users.by_id(bob.id)).referrer_id == ann.id
        assert await tx.codes.by_text(code.text) == replace(code, uses=1)
        assert (await tx.referrals.page_of(ann.id, PageRequest())).total == 1


async def test_outside_nobody_sees_them_before_the_end(store, ann):
    async with store.begin() as tx:
        bob, code, _ = await sign_up_bob(tx, ann)

        with pytest.raises(UserNotFound):
            await store.users.by_id(bob.id)
        with pytest.raises(CodeNotFound):
            await store.codes.by_text(code.text)
        assert (await store.referrals.page_of(ann.id, PageRequest())).total == 0


async def test_a_database_that_is_not_there_is_said_to_be_unavailable():
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"

    async with Database(nowhere) as database:
        with pytest.raises(DatabaseUnavailable):
            await PostgresUsers(database).by_id(a_user().id)
        with pytest.raises(DatabaseUnavailable):
            async with a_unit_of_work(database).begin():
                pass


async def test_what_is_done_apart_is_stored_whatever_becomes_of_the_call_around_it(store, clock):
    ann, bob = a_user("ann", number=1), a_user("bob", number=2)
    records = store.idempotency_records

    async def call():
        async with records.effects_of(await records.claim(b"c", b"r", clock.now()), clock):
            with store.apart():
                async with store.begin() as tx:
                    await tx.users.add(ann)
            assert await asyncio.create_task(unjoined(store.users.by_id(ann.id))) == ann
            async with store.begin() as tx:
                await tx.users.add(bob)
            raise Stop

    with pytest.raises(Stop):
        await call()

    assert await store.users.by_id(ann.id) == ann
    with pytest.raises(UserNotFound):
        await store.users.by_id(bob.id)


async def test_what_is_done_apart_is_undone_alone(store, clock):
    ann, bob = a_user("ann", number=1), a_user("bob", number=2)
    records = store.idempotency_records

    async def fail():
        with store.apart():
            async with store.begin() as tx:
                await tx.users.add(ann)
                raise Stop

    async with records.effects_of(await records.claim(b"c", b"r", clock.now()), clock) as record:
        with pytest.raises(Stop):
            await fail()
        await store.users.add(bob)
        record.keep(b"answer")

    assert await store.users.by_id(bob.id) == bob
    with pytest.raises(UserNotFound):
        await store.users.by_id(ann.id)


async def unjoined(reading):
    return await reading
