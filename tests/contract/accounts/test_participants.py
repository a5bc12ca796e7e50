import asyncio
from dataclasses import replace

import pytest

from concurrency import has_to_wait, outcomes_of
from examples import NOW, a_user, an_id
from referral.domain.accounts.errors import (
    EmailTaken,
    ExternalIdTaken,
    ParticipantNotFound,
    UsernameTaken,
    UserNotFound,
)
from referral.domain.accounts.external_id import ExternalId, Locale
from referral.domain.accounts.user import EmailAddress, Participant, Username
from referral.domain.errors import DatabaseUnavailable


def enrolled(external_id="42", *, number=1, **names):
    return Participant(
        id=an_id(number), external_id=ExternalId(external_id), created_at=NOW, **names
    )


ANN = enrolled(
    username=Username("Ann"), email=EmailAddress("Ann@example.org"), locale=Locale("de-AT")
)


@pytest.fixture
async def ann(participants):
    await participants.add(ANN)
    return ANN


async def test_whom_a_server_enrolled_is_found_as_it_was(participants, users, ann):
    for reference in (ann.external_id, ann.id):
        assert await participants.find(reference) == ann
        assert await participants.lock(reference) == ann
    assert await users.lock(ann.id) == ann


async def test_no_name_and_no_address_are_needed(participants):
    for number, external_id in enumerate(["42", "43"], 1):
        await participants.add(enrolled(external_id, number=number))

    assert await participants.find(ExternalId("43")) == enrolled("43", number=2)


async def test_a_user_is_a_participant(participants, users):
    bob = a_user("bob")
    await users.add(bob)

    assert await participants.find(bob.id) == bob


async def test_who_has_no_password_is_no_user(users, ann):
    with pytest.raises(UserNotFound):
        await users.by_id(ann.id)
    for key in (ann.username.key, ann.email.key):
        assert await users.by_login(key) is None


@pytest.mark.parametrize("reference", [ExternalId("43"), ExternalId("4 2"), an_id(404)])
async def test_who_is_not_there_is_not_found(participants, ann, reference):
    for find in (participants.find, participants.lock):
        with pytest.raises(ParticipantNotFound):
            await find(reference)


async def test_an_external_id_is_taken_once_and_as_it_is_written(participants):
    await participants.add(enrolled("a"))
    await participants.add(enrolled("A", number=2))

    with pytest.raises(ExternalIdTaken):
        await participants.add(enrolled("a", number=3))


@pytest.mark.parametrize(
    ("names", "refusal"),
    [
        ({"username": Username("ANN")}, UsernameTaken),
        ({"email": EmailAddress("ann@EXAMPLE.org")}, EmailTaken),
    ],
)
async def test_a_name_or_an_address_belongs_to_one_alone(participants, users, ann, names, refusal):
    with pytest.raises(refusal):
        await participants.add(enrolled("43", number=2, **names))
    with pytest.raises(refusal):
        await users.add(replace(a_user("bob", number=2), **names))
    bob = enrolled("43", number=2)
    await participants.add(bob)
    with pytest.raises(refusal):
        await participants.save(replace(bob, **names))

    assert await participants.find(bob.id) == bob


async def test_an_id_drawn_twice_can_be_tried_again(participants, ann):
    with pytest.raises(DatabaseUnavailable):
        await participants.add(enrolled("43"))


async def test_what_is_saved_is_found(participants, ann):
    changed = replace(ann, username=Username("anna"), email=None, locale=None)
    await participants.save(changed)

    assert await participants.find(ann.id) == changed
    await participants.save(ann)
    assert await participants.find(ann.id) == ann


async def test_the_row_of_someone_can_be_locked_also_when_they_were_erased(store, users, ann):
    await users.erase(ann.erased(NOW))

    async with store.begin() as tx:
        await tx.participants.lock_row(ann.id)


async def test_who_was_erased_is_not_found_and_not_changed(participants, users, ann):
    await users.erase(ann.erased(NOW))
    await participants.save(ann)

    for reference in (ann.external_id, ann.id):
        with pytest.raises(ParticipantNotFound):
            await participants.find(reference)
    await participants.add(replace(ann, id=an_id(2)))


async def test_there_is_nobody_until_the_first_one_and_who_was_erased_counts(participants, users):
    assert not await participants.are_there_any()
    someone = enrolled("42")
    await participants.add(someone)
    assert await participants.are_there_any()
    await users.erase(someone.erased(NOW))
    assert await participants.are_there_any()


async def test_of_many_at_once_one_is_enrolled(participants):
    outcomes = await outcomes_of(participants.add(enrolled("42", number=n)) for n in range(1, 11))

    assert outcomes == {"done": 1, "ExternalIdTaken": 9}


async def test_of_many_who_take_one_address_at_once_one_has_it(participants):
    people = [enrolled(str(n), number=n) for n in range(1, 6)]
    for person in people:
        await participants.add(person)

    outcomes = await outcomes_of(
        participants.save(replace(p, email=EmailAddress("ann@example.org"))) for p in people
    )

    assert outcomes == {"done": 1, "EmailTaken": 4}


async def test_who_locks_a_participant_keeps_others_out(store, participants, ann):
    async with store.begin() as tx:
        await tx.participants.lock(ann.external_id)

        async def other():
            async with store.begin() as later:
                return await later.participants.lock(ann.id)

        waiting = asyncio.create_task(other())
        assert await has_to_wait(waiting)
    assert await waiting == ann
