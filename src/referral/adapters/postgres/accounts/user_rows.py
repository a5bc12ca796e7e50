"""A user or a participant as their row tells it, with who brought them."""

import asyncpg

from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.programs.tables import referrals
from referral.domain.accounts.external_id import ExternalId, Locale
from referral.domain.accounts.user import EmailAddress, Participant, User, Username

USER_COLUMNS = (
    users.c.id.label("user_id"),
    users.c.username,
    users.c.email,
    users.c.password_hash,
    users.c.external_id,
    users.c.locale,
    users.c.credentials_version,
    users.c.created_at.label("user_created_at"),
    referrals.c.referrer_id,
)
user_with_referrer = users.outerjoin(referrals, referrals.c.referee_id == users.c.id)


def user_from(row: asyncpg.Record) -> User:
    return User(
        id=row["user_id"],
        username=Username(row["username"]),
        email=EmailAddress(row["email"]),
        password_hash=row["password_hash"],
        credentials_version=row["credentials_version"],
        created_at=row["user_created_at"],
        referrer_id=row["referrer_id"],
    )


def participant_from(row: asyncpg.Record) -> Participant:
    """Them; as a User, if they have a password."""
    if row["password_hash"] is not None:
        return user_from(row)
    return Participant(
        id=row["user_id"],
        external_id=row["external_id"] and ExternalId(row["external_id"]),
        username=row["username"] and Username(row["username"]),
        email=row["email"] and EmailAddress(row["email"]),
        locale=row["locale"] and Locale(row["locale"]),
        created_at=row["user_created_at"],
        referrer_id=row["referrer_id"],
        credentials_version=row["credentials_version"],
    )
