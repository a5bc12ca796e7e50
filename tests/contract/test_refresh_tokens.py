import asyncio
from dataclasses import replace

import pytest

from at_once import has_to_wait, outcomes_of
from examples import NOW, a_refresh_token, a_user
from referral.domain.errors import InvalidRefreshToken, UserNotFound
from referral.domain.refresh_token import digest_of


@pytest.fixture
async def ann(users):
    ann = a_user("ann", number=1)
    await users.add(ann)
    return ann


@pytest.fixture
async def bob(users):
    bob = a_user("bob", number=2)
    await users.add(bob)
    return bob


async def are_valid(refresh_tokens, *tokens):
    found = []
    for token in tokens:
        try:
            found.append(await refresh_tokens.lock(token.digest) == token)
        except InvalidRefreshToken:
            found.append(False)
    return found


async def test_a_stored_token_is_found_by_its_digest(refresh_tokens, ann):
    token = a_refresh_token(ann, "secret")

    await refresh_tokens.add(token)

    assert await refresh_tokens.lock(digest_of("secret")) == token


async def test_an_unknown_token_is_refused(refresh_tokens, ann):
    await refresh_tokens.add(a_refresh_token(ann))

    with pytest.raises(InvalidRefreshToken):
        await refresh_tokens.lock(digest_of("another"))


async def test_a_token_of_nobody_is_not_stored(refresh_tokens):
    token = a_refresh_token(a_user("nobody", number=404))

    with pytest.raises(UserNotFound):
        await refresh_tokens.add(token)

    assert await are_valid(refresh_tokens, token) == [False]


async def test_a_spent_token_is_remembered_as_spent(refresh_tokens, ann):
    token = a_refresh_token(ann)
    await refresh_tokens.add(token)

    await refresh_tokens.save(token.spend(ann, NOW))

    assert await refresh_tokens.lock(token.digest) == replace(token, spent_at=NOW)


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
            found = await tx.refresh_tokens.lock(token.digest)
            if found.spent_at is not None:
                raise InvalidRefreshToken
            await tx.refresh_tokens.save(found.spend(ann, NOW))

    outcomes = await outcomes_of(spend() for _ in range(20))

    assert outcomes == {"done": 1, "InvalidRefreshToken": 19}


async def test_a_locked_token_is_locked_for_everyone_else(store, refresh_tokens, ann):
    token = a_refresh_token(ann)
    await refresh_tokens.add(token)

    async def read():
        async with store.begin() as tx:
            return (await tx.refresh_tokens.lock(token.digest)).spent_at

    async with store.begin() as tx:
        await tx.refresh_tokens.lock(token.digest)
        other = asyncio.create_task(read())
        waited = await has_to_wait(other)
        await tx.refresh_tokens.save(token.spend(ann, NOW))

    assert waited
    assert await other == NOW
