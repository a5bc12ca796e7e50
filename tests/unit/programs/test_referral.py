from dataclasses import replace
from datetime import timedelta

import pytest

from examples import DEFAULT_PROGRAM, NOW, a_user, an_id
from referral.domain.programs.errors import (
    CircularReferral,
    CodeNotUsable,
    SelfReferral,
    TooLateToRefer,
)
from referral.domain.programs.referral import Referral, ReferralStatus, refer
from referral.domain.programs.referral_code import CodeId, CodeText, ReferralCode

ANN = a_user("ann", number=1)


@pytest.fixture
def code():
    return ReferralCode(
        id=CodeId(7),
        owner_id=an_id(1),
        program=DEFAULT_PROGRAM.of_code,
        text=CodeText("SPRING-2030"),
        issued_at=NOW,
        expires_at=NOW + timedelta(days=7),
    )


def test_a_referral_joins_the_codes_owner_and_the_new_user(code):
    bob = a_user("bob", number=2, created_at=NOW + timedelta(days=1))

    assert refer(bob, ANN, code, bob.created_at) == Referral(
        referrer_id=code.owner_id,
        referee_id=bob.id,
        code_id=code.id,
        program_id=code.program.id,
        terms_version=code.program.terms_version,
        status=ReferralStatus.QUALIFIED,
        created_at=bob.created_at,
        qualified_at=bob.created_at,
    )


def test_where_an_event_qualifies_a_sign_up_is_a_referral_that_did_not_yet(code):
    bob = a_user("bob", number=2)
    waiting = replace(code, program=replace(code.program, qualifies_at_sign_up=False))

    referral = refer(bob, ANN, waiting, bob.created_at)

    assert (referral.status, referral.qualified_at) == (ReferralStatus.SIGNED_UP, None)


def test_a_referral_knows_until_when_it_can_qualify_where_that_is_not_over_at_sign_up(code):
    bob = a_user("bob", number=2)
    within = replace(code.program, qualifies_within_days=3)
    waiting = replace(within, qualifies_at_sign_up=False)

    assert refer(bob, ANN, replace(code, program=waiting), NOW).qualifies_until == NOW + timedelta(
        3
    )
    assert refer(bob, ANN, replace(code, program=within), NOW).qualifies_until is None
    assert refer(bob, ANN, code, NOW).qualifies_until is None


def test_a_code_that_expired_before_the_account_was_opened_refers_nobody(code):
    bob = a_user("bob", number=2, created_at=code.expires_at)

    with pytest.raises(CodeNotUsable):
        refer(bob, ANN, code, bob.created_at)


def test_nobody_refers_themselves_even_with_a_code_that_expired(code):
    owner = a_user("ann", number=1, created_at=code.expires_at)

    with pytest.raises(SelfReferral):
        refer(owner, owner, code, code.expires_at)


def test_nobody_is_brought_by_whom_they_brought(code):
    bob = a_user("bob", number=2)

    with pytest.raises(CircularReferral):
        refer(bob, replace(ANN, referrer_id=bob.id), code, NOW)


def test_someone_is_referred_until_the_terms_days_have_passed_since_they_came(code):
    bob = a_user("bob", number=2)
    in_time = NOW + timedelta(days=2)
    short = replace(code, program=replace(code.program, attach_within_days=2))

    assert refer(bob, ANN, short, in_time).created_at == in_time
    with pytest.raises(TooLateToRefer):
        refer(bob, ANN, short, in_time + timedelta(microseconds=1))


def test_a_referral_is_held_while_there_is_a_reason(code):
    free = refer(a_user("bob", number=2), ANN, code, NOW)

    assert not free.is_held
    assert replace(free, held_reasons=("velocity",)).is_held
