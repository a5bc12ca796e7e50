"""The database refuses what must not be, no matter who asks."""

import asyncpg
import pytest

from databases import execute

ANN, BOB, EVE = (f"00000000-0000-7000-8000-00000000000{n}" for n in (1, 2, 3))

PEOPLE = [
    f"INSERT INTO users VALUES ('{user}', '{name}', '{name}', '{name}@x', '{name}@x', 'hash', 1, NULL, 0, now())"
    for user, name in ((ANN, "ann"), (BOB, "bob"), (EVE, "eve"))
]
ENROLLED = "UPDATE users SET external_id = '42', password_hash = NULL WHERE username = 'ann'"
CODE = """INSERT INTO referral_codes (owner_id, text, issued_at, expires_at, retired_at)
    VALUES ('{owner}', '{text}', now() + '{issued}', now() + '{expires}', now() + {retired})"""
REFERRAL = "INSERT INTO referrals VALUES ('{referrer}', {number}, '{referee}', 1, now())"


def code(owner=ANN, text="FIRST1", issued="0", expires="1 day", retired="NULL::interval"):
    return CODE.format(owner=owner, text=text, issued=issued, expires=expires, retired=retired)


def referral(referrer=ANN, number=1, referee=BOB):
    return REFERRAL.format(referrer=referrer, number=number, referee=referee)


@pytest.mark.parametrize(
    ("constraint", "before", "refused"),
    [
        ("uq_users_username", [], PEOPLE[0].replace(ANN, ANN[:-1] + "9").replace("ann@x", "new@x")),
        ("uq_users_email", [], PEOPLE[0].replace(ANN, ANN[:-1] + "9").replace("'ann'", "'new'")),
        (
            "ck_users_registered_or_enrolled_or_erased",
            [],
            "UPDATE users SET email = NULL, email_key = NULL",
        ),
        ("ck_users_registered_or_enrolled_or_erased", [], "UPDATE users SET erased_at = now()"),
        ("ck_users_registered_or_enrolled_or_erased", [], "UPDATE users SET external_id = '42'"),
        ("ck_users_registered_or_enrolled_or_erased", [], "UPDATE users SET locale = 'de'"),
        ("ck_users_keys", [], "UPDATE users SET email_key = NULL"),
        ("uq_users_external_id", [ENROLLED], "UPDATE users SET external_id = '42', password_hash = NULL"),
        ("uq_referral_codes_text", [code()], code(owner=BOB)),
        ("ex_referral_codes_one_active", [code()], code(text="SECOND")),
        ("ex_referral_codes_one_active", [code(retired="'2 hours'")], code(text="SECOND", issued="1 hour")),
        ("ck_referral_codes_expires_later", [], code(expires="0")),
        ("ck_referral_codes_retired_later", [], code(retired="'-1 hour'")),
        ("uq_referrals_referee", [code(), referral()], referral(referrer=EVE)),
        ("referrals_pkey", [code(), referral()], referral(referee=EVE)),
        ("ck_referrals_not_oneself", [code()], referral(referee=ANN)),
    ],
)  # fmt: skip
def test_what_must_not_be_is_refused_by_its_constraint(
    empty_database_url, constraint, before, refused
):
    execute(empty_database_url, *PEOPLE, *before)

    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refusal:
        execute(empty_database_url, refused)

    assert refusal.value.constraint_name == constraint


@pytest.mark.parametrize(
    "room",
    [
        code(issued="-2 days", expires="-1 day"),
        code(issued="-2 days", retired="'-1 day'"),
        code(issued="-1 second", retired="'0'"),
    ],
    ids=["expired", "withdrawn", "withdrawn just now"],
)
def test_a_code_that_has_ended_makes_room_for_another(empty_database_url, room):
    execute(empty_database_url, *PEOPLE, room)

    execute(empty_database_url, code(text="SECOND"))
