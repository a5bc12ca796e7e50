from dataclasses import replace

import pytest

from examples import PASSWORD, an_id, in_a_week
from referral.domain.access.caller import Caller, Scope
from referral.domain.access.errors import MissingScope, WrongCredentials
from referral.domain.accounts.errors import EmailTaken, ParticipantNotFound, UsernameTaken
from referral.domain.accounts.external_id import Locale
from referral.domain.accounts.user import Username
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import CodeNotFound

READER = Caller(scopes=frozenset({Scope.PARTICIPANTS_READ}))


async def test_whom_a_server_enrols_is_found_by_its_id_and_by_ours(
    enrol_participant, show_participant, clock
):
    ann, is_new = await enrol_participant(
        external_id="42", email="ann@Example.org", username="ann", locale="de-AT"
    )

    assert is_new
    assert ann.created_at == clock.now()
    assert (ann.email.value, ann.username.value, ann.locale.value) == (
        "ann@example.org",
        "ann",
        "de-AT",
    )
    assert await show_participant(participant="42") == ann
    assert await show_participant(participant=f"user:{ann.id}") == ann


async def test_an_external_id_is_all_that_is_needed(enrol_participant):
    ann, _ = await enrol_participant(external_id="42")

    assert (ann.email, ann.username, ann.locale) == (None, None, None)


async def test_the_same_again_changes_nothing(enrol_participant):
    first = await enrol_participant(external_id="42", email="ann@example.org")
    again = await enrol_participant(external_id="42", email="ann@example.org")

    assert again == (first[0], False)


async def test_what_is_given_later_takes_the_place_of_what_was(enrol_participant, show_participant):
    before, _ = await enrol_participant(external_id="42", email="ann@example.org", locale="de")

    after, is_new = await enrol_participant(external_id="42", username="ann")

    assert not is_new
    assert after == replace(before, email=None, username=Username("ann"), locale=None)
    assert await show_participant(participant="42") == after
    last, _ = await enrol_participant(external_id="42", locale="en")
    assert last == replace(before, email=None, locale=Locale("en"))


async def test_everything_that_is_wrong_is_told_at_once(enrol_participant):
    with pytest.raises(InvalidInput) as refused:
        await enrol_participant(external_id="", email="@", username="a", locale="?")

    assert [v.field for v in refused.value.violations] == [
        "external_id",
        "email",
        "username",
        "locale",
    ]


async def test_a_user_name_with_an_at_is_the_own_address(enrol_participant):
    await enrol_participant(external_id="42", username="ann@example.org", email="ann@example.org")

    with pytest.raises(InvalidInput):
        await enrol_participant(
            external_id="43", username="bob@example.org", email="eve@example.org"
        )


async def test_nobody_is_enrolled_under_anothers_address_or_name(
    enrol_participant, show_participant, owner
):
    for refusal, names in (
        (EmailTaken, {"email": "OWNER@example.org"}),
        (UsernameTaken, {"username": "Owner"}),
    ):
        with pytest.raises(refusal):
            await enrol_participant(external_id="42", **names)
        with pytest.raises(ParticipantNotFound):
            await show_participant(participant="42")

    before, _ = await enrol_participant(external_id="42")
    with pytest.raises(EmailTaken):
        await enrol_participant(external_id="42", email="owner@example.org")
    assert await show_participant(participant="42") == before


async def test_who_has_no_password_cannot_log_in(enrol_participant, log_in):
    await enrol_participant(external_id="42", email="ann@example.org", username="ann")

    for name in ("ann", "ann@example.org"):
        with pytest.raises(WrongCredentials):
            await log_in(username=name, password=PASSWORD)


async def test_who_registered_is_a_participant_too(show_participant, owner):
    assert await show_participant(participant=f"user:{owner.id}") == owner


@pytest.mark.parametrize("name", ["42", "", "user:42", "user:", f"user:{an_id(404)}", "\0"])
async def test_nobody_is_found_under_a_name_that_stands_for_nobody(
    show_participant, erase_participant, name
):
    for call in (show_participant, erase_participant):
        with pytest.raises(ParticipantNotFound):
            await call(participant=name)


async def test_an_erased_participant_is_gone_with_the_codes_and_the_id_is_free(
    *, enrol_participant, show_participant, erase_participant, issue_code, code_status, clock
):
    ann, _ = await enrol_participant(external_id="42", email="ann@example.org")
    code = await issue_code(owner_id=ann.id, expires_at=in_a_week(clock), replace_active=True)

    await erase_participant(participant="42")

    for name in ("42", f"user:{ann.id}"):
        with pytest.raises(ParticipantNotFound):
            await show_participant(participant=name)
    with pytest.raises(CodeNotFound):
        await code_status(code=code.text.value)
    another, is_new = await enrol_participant(external_id="42", email="ann@example.org")
    assert is_new
    assert another.id != ann.id


async def test_a_server_can_erase_who_registered(erase_participant, log_in, owner):
    await erase_participant(participant=f"user:{owner.id}")

    with pytest.raises(WrongCredentials):
        await log_in(username="owner", password=PASSWORD)


async def test_people_sign_up_with_the_code_of_whom_a_server_enrolled(
    *, enrol_participant, issue_code, find_code, sign_up, list_referrals, clock
):
    ann, _ = await enrol_participant(external_id="42", email="ann@example.org")
    code = await issue_code(owner_id=ann.id, expires_at=in_a_week(clock))

    bob = await sign_up("bob", code=code.text.value)

    assert [r.id for r in (await list_referrals(referrer_id=ann.id)).items] == [bob.id]
    found, owner = await find_code(email="ann@example.org")
    assert (found.id, owner.id, owner.username) == (code.id, ann.id, None)


async def test_what_the_scopes_do_not_allow_is_refused_and_recorded(
    *, enrol_participant, show_participant, erase_participant, audit_log
):
    await enrol_participant(external_id="42")
    audit_log.deeds.clear()

    with pytest.raises(MissingScope):
        await enrol_participant(external_id="43", caller=READER)
    with pytest.raises(MissingScope):
        await erase_participant(participant="42", caller=READER)
    with pytest.raises(MissingScope):
        await show_participant(participant="42", caller=Caller())

    assert await show_participant(participant="42", caller=READER)
    assert [(deed["action"], deed["outcome"]) for deed in audit_log.deeds] == [
        ("enrol-participant", "missing-scope"),
        ("erase-participant", "missing-scope"),
    ]


async def test_whether_anybody_is_here_is_told_to_who_may_read_participants(
    enrol_participant, is_anybody_here
):
    assert not await is_anybody_here()
    await enrol_participant(external_id="42")

    assert await is_anybody_here(caller=READER)
    with pytest.raises(MissingScope):
        await is_anybody_here(caller=Caller())
