"""At which networks people were seen."""

from dataclasses import replace
from datetime import timedelta

import pytest

from examples import NOW, a_new_code, a_referral, a_refresh_token, a_user
from referral.domain.accounts.errors import EmailTaken
from referral.domain.accounts.sighting import NetworkName, Sighting
from referral.domain.programs.program import NewProgram, ProgramStatus, Slug
from referral.domain.programs.terms import Terms

HOME, OFFICE = NetworkName(b"home"), NetworkName(b"office")
ASKS = Terms.parse({"review": {"same_network": {"sign_ups": 2, "within_hours": 1, "then": "hold"}}})


@pytest.fixture
async def asking(programs):
    """A program whose terms ask for networks."""
    return await programs.add(
        NewProgram(slug=Slug("asking"), name="Asking", created_at=NOW),
        ASKS,
    )


@pytest.fixture
async def code(codes, ann):
    return await codes.add(a_new_code(ann))


@pytest.fixture
def bring(users, code, ann):
    """Someone whom Ann brought; seen at a network in this hour."""

    async def bring(number, network, hour):
        user = a_user(f"user{number}", number=number)
        await users.add(user, Sighting(network, NOW + timedelta(hours=hour), ann.id))
        return a_referral(user.id, code)

    return bring


@pytest.fixture
def seen(referrals):
    """When the n-th newest was seen in the hours since; None if there are fewer."""

    async def seen(referral, *networks, n=1):
        at = await referrals.nth_newest_seen_at(referral, networks, n)
        return at and (at - NOW) / timedelta(hours=1)

    return seen


@pytest.fixture
def log_in(refresh_tokens):
    async def log_in(user, network, hour):
        sighting = Sighting(network, NOW + timedelta(hours=hour))
        await refresh_tokens.add(a_refresh_token(user, f"since {hour}"), sighting)

    return log_in


async def test_the_nth_newest_of_those_at_a_network_is_known(asking, bring, seen):
    await bring(11, HOME, 1)
    await bring(12, OFFICE, 2)
    await bring(13, HOME, 3)
    newest = await bring(14, HOME, 4)

    assert [await seen(newest, HOME, n=n) for n in (1, 2, 3)] == [3, 1, None]
    assert await seen(newest, OFFICE) == 2
    assert await seen(newest, NetworkName(b"elsewhere")) is None


async def test_the_referrer_is_one_of_them_when_seen_at_a_log_in(asking, bring, seen, log_in, ann):
    newest = await bring(11, HOME, 4)
    assert await seen(newest, HOME) is None

    await log_in(ann, HOME, 2)

    assert await seen(newest, HOME) == 2


async def test_people_of_other_referrers_are_none_of_them(asking, bring, seen, users, bob):
    await users.add(a_user("eve", number=20), Sighting(HOME, NOW, bob.id))
    await users.add(a_user("fay", number=21), Sighting(HOME, NOW))

    assert await seen(await bring(11, HOME, 4), HOME) is None


async def test_one_who_is_seen_again_is_one_person_seen_then(asking, bring, seen, log_in, ann):
    newest = await bring(11, HOME, 4)
    names = (HOME, NetworkName(b"home, by an old secret"))
    for hour, name in enumerate((HOME, names[1], HOME), 5):
        await log_in(ann, name, hour)

    assert [await seen(newest, *names, n=n) for n in (1, 2)] == [7, None]


async def test_who_is_erased_was_nowhere(asking, bring, seen, users):
    newest = await bring(11, HOME, 4)
    await bring(12, HOME, 3)

    await users.erase(a_user("user12", number=12).erased(NOW))

    assert await seen(newest, HOME) is None


async def test_who_could_not_be_stored_was_nowhere(asking, bring, seen, users, ann):
    newest = await bring(11, HOME, 4)
    with pytest.raises(EmailTaken):
        await users.add(
            a_user("ann2", number=12, email="ann@example.org"), Sighting(HOME, NOW, ann.id)
        )

    assert await seen(newest, HOME) is None


async def test_nothing_is_kept_where_no_terms_ask_for_it(programs, bring, seen):
    newest = await bring(11, HOME, 4)
    await bring(12, HOME, 3)

    assert await seen(newest, HOME) is None


async def test_nothing_is_kept_once_terms_ask_no_more_or_the_program_ended(
    programs, asking, bring, seen
):
    newest = await bring(11, HOME, 1)
    await programs.add_terms(asking.slug, Terms(), NOW)
    await bring(12, HOME, 2)
    await programs.add_terms(asking.slug, ASKS, NOW)
    await bring(13, HOME, 3)
    assert [await seen(newest, HOME, n=n) for n in (1, 2)] == [3, None]

    await programs.save(replace(asking, status=ProgramStatus.ENDED))
    await bring(14, HOME, 4)

    assert await seen(newest, HOME) == 3
