"""A server joins whom it enrolled to the owner of a code."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from examples import in_a_week
from referral.domain.access.caller import Caller, KeyId, Scope
from referral.domain.access.errors import MissingScope
from referral.domain.accounts.errors import ParticipantNotFound
from referral.domain.programs.errors import (
    AlreadyReferred,
    CircularReferral,
    CodeNotUsable,
    ReferralNotFound,
    SelfReferral,
    TooLateToRefer,
)

PURCHASE = {"event": "purchase"}
READER = Caller(scopes=frozenset({Scope.PARTICIPANTS_READ}))


@pytest.fixture
def program(create_program, change_program):
    """Make an active program with these terms."""

    async def program(slug="summer", **terms):
        await create_program(slug=slug, name="Summer", terms=terms)
        await change_program(slug=slug, status="active")

    return program


@pytest.fixture
def code_of(enrol_participant, issue_participant_code, clock):
    """Enrol someone, and issue a code for them: its text."""

    async def code_of(external_id="rose", **more):
        await enrol_participant(external_id=external_id)
        code = await issue_participant_code(
            participant=external_id, **{"expires_at": in_a_week(clock), **more}
        )
        return code.text.value

    return code_of


@pytest.fixture
def bob(enrol_participant):
    async def bob(external_id="bob"):
        return (await enrol_participant(external_id=external_id))[0]

    return bob


async def test_a_participant_is_joined_to_the_codes_owner_under_the_terms_in_force(
    *, program, code_of, bob, refer_participant, show_participant, show_referral, clock, add_terms
):
    await program(qualification=PURCHASE)
    text = await code_of(program="summer")
    await add_terms(slug="summer", terms={"qualification": PURCHASE})
    referee = await bob()
    clock.advance(days=1)

    made, is_new = await refer_participant(code=text.lower(), participant="bob")

    referral = made.referral
    assert is_new
    assert (made.program.value, made.code.value, made.referrer, made.referee) == (
        "summer",
        text,
        "rose",
        "bob",
    )
    assert (referral.referee_id, referral.terms_version) == (referee.id, 2)
    assert (referral.status, referral.created_at, referral.qualified_at) == (
        "signed_up",
        clock.now(),
        None,
    )
    assert not referral.is_held
    assert (await show_participant(participant="bob")).referrer_id == referral.referrer_id
    assert await show_referral(referral_id=referee.id) == made


async def test_where_signing_up_qualifies_so_does_being_joined(
    code_of, bob, refer_participant, clock
):
    text = await code_of()
    await bob()

    made, _ = await refer_participant(code=text, participant="bob")

    assert (made.referral.status, made.referral.qualified_at) == ("qualified", clock.now())


async def test_people_who_registered_refer_and_are_referred_too(
    sign_up, owner, issue_code, refer_participant, clock
):
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))
    carl = await sign_up("carl")

    made, _ = await refer_participant(code=code.text.value, participant=f"user:{carl.id}")

    assert (made.referrer, made.referee) == (f"user:{owner.id}", f"user:{carl.id}")


async def test_the_same_again_is_the_same_referral_whatever_became_of_the_code(
    *, program, code_of, bob, refer_participant, erase_participant, clock, code_status
):
    await program(code={"max_uses": 1}, attach_within_days=2)
    text = await code_of(program="summer")
    await bob()
    made, _ = await refer_participant(code=text, participant="bob")
    clock.advance(days=3)
    assert await refer_participant(code=text, participant="bob") == (made, False)
    assert (await code_status(code=text)).uses == 1

    await erase_participant(participant="rose")

    again, is_new = await refer_participant(code=text, participant="bob")
    assert (again.referral, is_new) == (made.referral, False)


async def test_who_was_referred_is_not_referred_with_another_code(
    code_of, bob, refer_participant, code_status
):
    first, second = await code_of("rose"), await code_of("tom")
    await bob()
    await refer_participant(code=first, participant="bob")

    with pytest.raises(AlreadyReferred):
        await refer_participant(code=second, participant="bob")

    assert (await code_status(code=second)).uses == 0


async def test_who_signed_up_with_a_code_is_not_referred_with_another(
    code_of, sign_up, refer_participant
):
    first, second = await code_of("rose"), await code_of("tom")
    carl = await sign_up("carl", code=first)

    with pytest.raises(AlreadyReferred):
        await refer_participant(code=second, participant=f"user:{carl.id}")


async def test_nobody_is_referred_with_their_own_code(code_of, refer_participant):
    text = await code_of("rose")

    with pytest.raises(SelfReferral, match="Nobody refers themselves"):
        await refer_participant(code=text, participant="rose")


async def test_two_people_do_not_bring_each_other(code_of, refer_participant, show_participant):
    roses, bobs = await code_of("rose"), await code_of("bob")
    await refer_participant(code=roses, participant="bob")

    with pytest.raises(CircularReferral, match="brought the owner"):
        await refer_participant(code=bobs, participant="rose")

    assert (await show_participant(participant="rose")).referrer_id is None


async def test_as_long_as_the_terms_say_after_enrolment_someone_can_be_referred(
    program, code_of, bob, refer_participant, clock
):
    await program(attach_within_days=3)
    text = await code_of(program="summer")
    await bob("bob")
    await bob("carl")

    clock.advance(days=3)
    assert await refer_participant(code=text, participant="bob")
    clock.advance(seconds=1)

    with pytest.raises(TooLateToRefer, match="too long ago"):
        await refer_participant(code=text, participant="carl")


@pytest.mark.parametrize("code", ["NOBODY-HAS-IT", "?"])
async def test_a_code_that_nobody_has_refers_nobody(bob, refer_participant, code):
    await bob()

    with pytest.raises(CodeNotUsable):
        await refer_participant(code=code, participant="bob")


async def test_a_code_that_expired_or_is_used_up_refers_nobody(
    program, code_of, bob, refer_participant, clock
):
    await program(code={"max_uses": 1})
    used_up, expired = await code_of(program="summer"), await code_of()
    for name in ("bob", "carl", "dora"):
        await bob(name)
    await refer_participant(code=used_up, participant="bob")

    with pytest.raises(CodeNotUsable):
        await refer_participant(code=used_up, participant="carl")
    clock.advance(weeks=1)
    with pytest.raises(CodeNotUsable):
        await refer_participant(code=expired, participant="dora")


async def test_a_code_whose_owner_was_erased_refers_nobody(
    code_of, bob, refer_participant, erase_participant
):
    text = await code_of()
    await bob()
    await erase_participant(participant="rose")

    with pytest.raises(CodeNotUsable):
        await refer_participant(code=text, participant="bob")


async def test_a_referral_that_was_made_a_moment_ago_is_found(
    code_of, bob, refer_participant, show_referral, store
):
    """Both look before either has made it."""
    text = await code_of()
    referee = await bob()
    late = ComesLate(store.referrals)

    outcomes = await asyncio.gather(
        *(
            replace(refer_participant, referrals=late)(code=text, participant="bob")
            for _ in range(2)
        )
    )

    known = await show_referral(referral_id=referee.id)
    assert sorted(outcomes, key=lambda outcome: outcome[1]) == [(known, False), (known, True)]


class ComesLate:
    """The referrals, of which the first two who look find none."""

    def __init__(self, referrals):
        self.referrals, self.looks = referrals, 0

    async def find(self, referee_id):
        self.looks += 1
        if self.looks <= 2:
            raise ReferralNotFound
        return await self.referrals.find(referee_id)


@pytest.mark.parametrize("participant", ["nobody", "user:nobody", f"user:{UUID(int=1)}"])
async def test_who_is_not_there_is_not_referred(code_of, refer_participant, participant):
    text = await code_of()

    with pytest.raises(ParticipantNotFound):
        await refer_participant(code=text, participant=participant)


async def test_to_read_participants_is_not_to_refer_them(code_of, bob, refer_participant):
    text = await code_of()
    await bob()

    with pytest.raises(MissingScope):
        await refer_participant(code=text, participant="bob", caller=READER)


async def test_an_erased_participant_stays_in_the_counts_without_a_name(
    *, code_of, bob, refer_participant, erase_participant, show_referral, code_status
):
    text = await code_of()
    referee = await bob()
    await refer_participant(code=text, participant="bob")

    await erase_participant(participant="bob")

    left = await show_referral(referral_id=referee.id)
    assert (left.referrer, left.referee) == ("rose", f"user:{referee.id}")
    assert (await code_status(code=text)).uses == 1


async def test_nobody_finds_a_referral_that_is_not_there_or_that_they_may_not_see(show_referral):
    with pytest.raises(ReferralNotFound):
        await show_referral(referral_id=UUID(int=1))
    with pytest.raises(MissingScope):
        await show_referral(referral_id=UUID(int=1), caller=Caller())


async def test_the_audit_log_tells_who_joined_whom_with_which_code(
    code_of, bob, refer_participant, audit_log, store
):
    text = await code_of()
    referee = await bob()
    key = Caller(key_id=KeyId(UUID(int=9)), scopes=frozenset({Scope.PARTICIPANTS_WRITE}))
    [code_id] = store.read().codes

    await refer_participant(code=text, participant="bob", caller=key)
    with pytest.raises(ParticipantNotFound):
        await refer_participant(code=text, participant="nobody", caller=key)

    assert audit_log.deeds[-2:] == [
        {
            "action": "refer-participant",
            "key_id": key.key_id,
            "code_id": code_id,
            "other_user_id": referee.id,
            "outcome": "done",
        },
        {
            "action": "refer-participant",
            "key_id": key.key_id,
            "outcome": "participant-not-found",
        },
    ]
