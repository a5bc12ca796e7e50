from datetime import timedelta

import pytest

from examples import NOW, a_user, an_id
from referral.domain.programs.errors import CodeNotUsable
from referral.domain.programs.referral import Referral, refer
from referral.domain.programs.referral_code import CodeId, CodeText, ReferralCode


@pytest.fixture
def code():
    return ReferralCode(
        id=CodeId(7),
        owner_id=an_id(1),
        text=CodeText("SPRING-2030"),
        issued_at=NOW,
        expires_at=NOW + timedelta(days=7),
    )


def test_a_referral_joins_the_codes_owner_and_the_new_user(code):
    bob = a_user("bob", number=2, created_at=NOW + timedelta(days=1))

    assert refer(bob, code) == Referral(
        referrer_id=code.owner_id,
        referee_id=bob.id,
        code_id=code.id,
        created_at=bob.created_at,
    )


def test_a_code_that_expired_before_the_account_was_opened_refers_nobody(code):
    bob = a_user("bob", number=2, created_at=code.expires_at)

    with pytest.raises(CodeNotUsable):
        refer(bob, code)
