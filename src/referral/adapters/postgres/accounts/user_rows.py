"""A user or a participant as their row tells it, with who brought them."""

import asyncpg
from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from referral.adapters.postgres.accounts.sightings import sighting_of, values_of
from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.programs.tables import referrals
from referral.domain.accounts.external_id import ExternalId, Locale
from referral.domain.accounts.sighting import Sighting
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
participants = select(*USER_COLUMNS).select_from(user_with_referrer)

_ADDED = ("id", "external_id", "credentials_version", "created_at", "password_hash")
NAMES = ("username", "username_key", "email", "email_key", "locale")
_new = (
    insert(users)
    .values({name: bindparam(name) for name in (*_ADDED, *NAMES)})
    # What callers can provoke is no error in PostgreSQL's log, which would hold their values.
    .on_conflict_do_nothing()
    .returning(users.c.id)
)
_added = _new.cte("added")
_ADD = Statement(_new)
_ADD_SEEN = Statement(select(_added.c.id).add_cte(sighting_of(_added.c.id)))


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


def names_of(participant: Participant) -> dict[str, str | None]:
    """The values of NAMES."""
    username, email, locale = participant.username, participant.email, participant.locale
    return {
        "username": username.value if username else None,
        "username_key": username.key if username else None,
        "email": email.value if email else None,
        "email_key": email.key if email else None,
        "locale": locale.value if locale else None,
    }


async def is_added(
    queries: Queries,
    participant: Participant,
    password_hash: str | None = None,
    sighting: Sighting | None = None,
) -> bool:
    """Store a row, with where they were seen, unless one of its names or its id is another's."""
    row = await queries.one(
        _ADD_SEEN if sighting else _ADD,
        id=participant.id,
        external_id=participant.external_id and participant.external_id.value,
        credentials_version=participant.credentials_version,
        created_at=participant.created_at,
        password_hash=password_hash,
        **names_of(participant),
        **(values_of(sighting) if sighting else {}),
    )
    return row is not None
