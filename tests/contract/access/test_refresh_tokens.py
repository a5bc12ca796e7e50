import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from concurrency import has_to_wait, outcomes_of
from databases import a_unit_of_work
from examples import NOW, a_refresh_token, a_user
from referral.adapters.postgres.access.key_ring import PostgresKeyRing
from referral.adapters.postgres.access.refresh_tokens import PostgresRefreshTokens
from referral.adapters.postgres.access.standing import PostgresStanding
from referral.adapters.postgres.accounts.users import PostgresUsers
from referral.adapters.postgres.housekeeping import PostgresHousekeeping
from referral.adapters.postgres.webhooks.outbox import PostgresListeners
from referral.domain.access.errors import InvalidRefreshToken, WrongCredentials
from referral.domain.access.refresh_token import digest_of

TTL = timedelta(minutes=15)


async def are_valid(refresh_tokens, *tokens):
    found = []
    for token in tokens:
        try:
            found.append((await refresh_tokens.lock(token.digest))[0] == token)
        except InvalidRefreshToken:
            found.append(False)
    return found


async def test_a_stored_token_is_found_by_its_digest(refresh_tokens, ann):
    token = a_refresh_token(ann, "secret")

    await refresh_tokens.add(token)

    assert await refresh_tokens.by_digest(digest_of("secret")) == token
    assert await refresh_tokens.lock(digest_of("secret")) == (token, ann)


async def test_an_unknown_token_is_refused(refresh_tokens, ann):
    await refresh_tokens.add(a_refresh_token(ann))

    for find in (refresh_tokens.by_digest, refresh_tokens.lock):
        with pytest.raises(InvalidRefreshToken):
            await find(digest_of("another"))


async def test_a_token_of_nobody_is_not_stored(refresh_tokens):
    token = a_refresh_token(a_user("nobody", number=404))

    with pytest.raises(WrongCredentials):
        await refresh_tokens.add(token)

    assert await are_valid(refresh_tokens, token) == [False]


async def erase(users, user):
    await users.erase(user.erased(NOW))


async def change_password(users, user):
    await users.change_credentials(user.with_password("another hash"), NOW)


@pytest.mark.parametrize("end", [erase, change_password])
async def test_a_token_of_credentials_that_ended_is_not_stored(refresh_tokens, users, ann, end):
    await end(users, ann)
    token = a_refresh_token(ann)

    with pytest.raises(WrongCredentials):
        await refresh_tokens.add(token)

    assert await are_valid(refresh_tokens, token) == [False]


@pytest.mark.parametrize("end", [erase, change_password])
async def test_a_token_given_out_while_its_credentials_end_is_not_stored(
    store, refresh_tokens, ann, end
):
    token = a_refresh_token(ann)

    async with store.begin() as tx:
        await tx.users.lock(ann.id)
        giving = asyncio.create_task(refresh_tokens.add(token))
        waited = await has_to_wait(giving)
        await end(tx.users, ann)

    assert waited
    with pytest.raises(WrongCredentials):
        await giving
    assert await are_valid(refresh_tokens, token) == [False]


async def test_a_token_of_an_erased_holder_is_refused(refresh_tokens, users, ann):
    token = a_refresh_token(ann)
    await refresh_tokens.add(token)
    await users.erase(ann.erased(NOW))

    with pytest.raises(InvalidRefreshToken):
        await refresh_tokens.lock(token.digest)


async def test_a_spent_token_is_remembered_as_spent(refresh_tokens, ann):
    token = a_refresh_token(ann)
    await refresh_tokens.add(token)

    await refresh_tokens.save(token.spend(ann, NOW))

    assert await refresh_tokens.lock(token.digest) == (replace(token, spent_at=NOW), ann)


async def test_a_family_stands_and_falls_together(refresh_tokens, ann):
    spent = a_refresh_token(ann, "1", family=1).spend(ann, NOW)
    current = a_refresh_token(ann, "2", family=1)
    elsewhere = a_refresh_token(ann, "3", family=2)
    for token in (spent, current, elsewhere):
        await refresh_tokens.add(token)

    await refresh_tokens.revoke_family(current.family_id)

    assert await are_valid(refresh_tokens, spent, current, elsewhere) == [False, False, True]


async def test_all_of_one_user_are_forgotten_and_nobody_elses(refresh_tokens, ann, bob):
    anns = a_refresh_token(ann, "1", family=1), a_refresh_token(ann, "2", family=2)
    bobs = a_refresh_token(bob, "3", family=3)
    for token in (*anns, bobs):
        await refresh_tokens.add(token)

    await refresh_tokens.revoke_all_of(ann.id)

    assert await are_valid(refresh_tokens, *anns, bobs) == [False, False, True]


async def test_forgetting_what_is_not_there_is_no_error(refresh_tokens, ann):
    await refresh_tokens.revoke_all_of(ann.id)
    await refresh_tokens.revoke_family(a_refresh_token(ann).family_id)


async def test_of_twenty_who_spend_one_token_at_once_one_does(store, refresh_tokens, ann):
    token = a_refresh_token(ann)
    await refresh_tokens.add(token)

    async def spend():
        async with store.begin() as tx:
            found, _ = await tx.refresh_tokens.lock(token.digest)
            if found.spent_at is not None:
                raise InvalidRefreshToken
            await tx.refresh_tokens.save(found.spend(ann, NOW))

    outcomes = await outcomes_of(spend() for _ in range(20))

    assert outcomes == {"done": 1, "InvalidRefreshToken": 19}


@pytest.mark.parametrize("other", ["the same", "another of the holder's"])
async def test_who_decides_about_a_token_keeps_others_from_all_of_its_holders(
    store, refresh_tokens, ann, other
):
    token, another = a_refresh_token(ann, "1"), a_refresh_token(ann, "2", family=2)
    for one in (token, another):
        await refresh_tokens.add(one)
    wanted = token if other == "the same" else another

    async with store.begin() as tx:
        await tx.refresh_tokens.lock(token.digest)
        waiting = asyncio.create_task(refresh_tokens.lock(wanted.digest))
        waited = await has_to_wait(waiting)
        await tx.refresh_tokens.save(wanted.spend(ann, NOW))

    assert waited
    assert await waiting == (replace(wanted, spent_at=NOW), ann)


async def test_what_was_added_to_a_family_while_one_waited_for_it_is_revoked_too(
    store, refresh_tokens, ann
):
    token, successor = a_refresh_token(ann, "1"), a_refresh_token(ann, "2")
    await refresh_tokens.add(token)

    async def revoke():
        async with store.begin() as tx:
            found, _ = await tx.refresh_tokens.lock(token.digest)
            await tx.refresh_tokens.revoke_family(found.family_id)

    async with store.begin() as tx:
        await tx.refresh_tokens.lock(token.digest)
        revoking = asyncio.create_task(revoke())
        waited = await has_to_wait(revoking)
        await tx.refresh_tokens.save(token.spend(ann, NOW))
        await tx.refresh_tokens.add(successor)
    await revoking

    assert waited
    assert await are_valid(refresh_tokens, token, successor) == [False, False]


async def test_a_token_that_was_revoked_while_one_waited_for_it_is_refused(
    store, refresh_tokens, ann
):
    token = a_refresh_token(ann)
    await refresh_tokens.add(token)

    async with store.begin() as tx:
        await tx.refresh_tokens.lock(token.digest)
        waiting = asyncio.create_task(refresh_tokens.lock(token.digest))
        waited = await has_to_wait(waiting)
        await tx.refresh_tokens.revoke_family(token.family_id)

    assert waited
    with pytest.raises(InvalidRefreshToken):
        await waiting


async def test_f25_the_sweep_of_expired_tokens_waits_for_nobody(database, clock):
    users, tokens = PostgresUsers(database), PostgresRefreshTokens(database)
    housekeeping = PostgresHousekeeping(
        database,
        clock,
        PostgresStanding(database, clock, TTL),
        PostgresKeyRing(database, clock),
        PostgresListeners(database),
    )
    ann = a_user("ann")
    await users.add(ann)
    held, expired, current = [a_refresh_token(ann, secret) for secret in "123"]
    for token in (held, expired, replace(current, expires_at=current.expires_at + TTL)):
        await tokens.add(token)
    clock.advance(days=30)

    async with a_unit_of_work(database).begin() as tx:
        await tx.refresh_tokens.save(held.spend(ann, NOW))
        await housekeeping.sweep()

    assert await are_valid(tokens, expired) == [False]
    assert (await tokens.lock(held.digest))[0].spent_at == NOW
    await housekeeping.sweep()
    with pytest.raises(InvalidRefreshToken):
        await tokens.lock(held.digest)
    assert await tokens.lock(current.digest)
