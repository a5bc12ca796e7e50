"""A server issues codes for whom it enrolled, and lists them."""

from dataclasses import replace
from uuid import UUID

import pytest

from examples import in_a_week
from referral.domain.access.caller import Caller, KeyId, Scope
from referral.domain.access.errors import MissingScope
from referral.domain.accounts.errors import ParticipantNotFound, UserNotFound

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


async def test_a_code_is_issued_for_a_participant_and_recorded_as_the_keys_deed(
    enrol_participant, issue_participant_code, clock, audit_log
):
    rose, _ = await enrol_participant(external_id="rose")
    key = Caller(key_id=KeyId(UUID(int=9)), scopes=frozenset({Scope.CODES_WRITE}))

    code = await issue_participant_code(
        participant="rose",
        code="rose-2030",
        expires_at=in_a_week(clock),
        replace_active=True,
        caller=key,
    )

    assert (code.owner_id, code.text.value, code.program.slug.value) == (
        rose.id,
        "ROSE-2030",
        "default",
    )
    assert audit_log.deeds[-1] == {
        "action": "issue-code",
        "key_id": key.key_id,
        "code_id": code.id,
        "other_user_id": rose.id,
        "outcome": "done",
    }


async def test_an_active_code_is_replaced_when_that_is_asked_for(
    code_of, issue_participant_code, list_participant_codes, clock
):
    await code_of("rose")

    new = await issue_participant_code(
        participant="rose", expires_at=in_a_week(clock), replace_active=True
    )

    assert [*(await list_participant_codes(participant="rose")).items] == [new]


async def test_nobody_issues_a_code_for_who_is_not_there_or_without_the_scope(
    issue_participant_code, clock
):
    until = in_a_week(clock)

    with pytest.raises(ParticipantNotFound):
        await issue_participant_code(participant="nobody", expires_at=until)
    with pytest.raises(MissingScope):
        await issue_participant_code(participant="nobody", expires_at=until, caller=READER)


async def test_who_is_erased_while_their_code_is_issued_is_a_participant_not_found(
    enrol_participant, issue_participant_code, clock
):
    await enrol_participant(external_id="rose")

    async def erased(**_):
        raise UserNotFound

    with pytest.raises(ParticipantNotFound):
        await replace(issue_participant_code, issue_code=erased)(
            participant="rose", expires_at=in_a_week(clock)
        )


async def test_a_participants_codes_are_listed_newest_first_by_cursor(
    program, code_of, list_participant_codes
):
    texts = []
    for slug in ("spring", "summer", "autumn"):
        await program(slug)
        texts.append(await code_of("rose", program=slug))
    await code_of("tom")

    first = await list_participant_codes(participant="rose", limit=2)
    rest = await list_participant_codes(participant="rose", limit=2, cursor=first.next_cursor)

    listed = [code.text.value for page in (first, rest) for code in page.items]
    assert listed == texts[::-1]
    assert rest.next_cursor is None


async def test_nobody_lists_the_codes_of_who_is_not_there_or_without_the_scope(
    list_participant_codes,
):
    with pytest.raises(ParticipantNotFound):
        await list_participant_codes(participant="nobody")
    with pytest.raises(MissingScope):
        await list_participant_codes(participant="nobody", caller=READER)
