import hashlib
from datetime import timedelta

import pytest

from examples import NOW, a_refresh_token, a_user
from referral.domain.access.errors import InvalidRefreshToken
from referral.domain.access.refresh_token import digest_of


def test_of_a_refresh_token_only_a_digest_is_kept():
    assert digest_of("secret") == hashlib.sha256(b"secret").digest()


def test_a_refresh_token_is_spent_once_it_was_used():
    ann = a_user("ann")

    assert a_refresh_token(ann).spend(ann, NOW).spent_at == NOW


def test_a_refresh_token_is_good_until_the_moment_it_expires():
    ann = a_user("ann")
    token = a_refresh_token(ann)
    token.spend(ann, token.expires_at - timedelta(microseconds=1))

    with pytest.raises(InvalidRefreshToken):
        token.spend(ann, token.expires_at)


def test_a_refresh_token_from_before_the_password_changed_is_worthless():
    ann = a_user("ann")
    token = a_refresh_token(ann)

    with pytest.raises(InvalidRefreshToken):
        token.spend(ann.with_password("another hash"), NOW)


def test_a07_half_a_surrogate_is_digested_as_any_other_text():
    assert digest_of("\ud800") != digest_of("\ufffd")
