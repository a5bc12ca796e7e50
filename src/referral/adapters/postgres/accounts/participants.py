from dataclasses import dataclass

import asyncpg
from sqlalchemy import Text, Uuid, bindparam, exists, or_, select, update

from referral.adapters.postgres.accounts.tables import EMAIL_IS_UNIQUE, users
from referral.adapters.postgres.accounts.user_rows import (
    NAMES,
    is_added,
    names_of,
    participant_from,
    participants,
)
from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.statement import Statement
from referral.application.accounts.participant_reference import ParticipantReference
from referral.domain.accounts.errors import (
    EmailTaken,
    ExternalIdTaken,
    ParticipantNotFound,
    UsernameTaken,
)
from referral.domain.accounts.external_id import ExternalId
from referral.domain.accounts.user import Participant, UserId
from referral.domain.errors import DatabaseUnavailable

_external_id, _username_key, _email_key = (
    bindparam(name, type_=Text) for name in ("external_id", "username_key", "email_key")
)
_SAME = Statement(
    select(
        users.c.id,
        (users.c.external_id == _external_id).label("by_external_id"),
        (users.c.email_key == _email_key).label("by_email"),
    ).where(
        or_(
            users.c.external_id == _external_id,
            users.c.username_key == _username_key,
            users.c.email_key == _email_key,
        )
    )
)
_SAVE = Statement(
    update(users)
    .values({name: bindparam(name) for name in NAMES})
    .where(users.c.id == bindparam("user_id"), users.c.erased_at.is_(None))
)
_by_external_id = participants.where(
    users.c.external_id == bindparam("reference", type_=Text), users.c.erased_at.is_(None)
)
_by_id = participants.where(
    users.c.id == bindparam("reference", type_=Uuid), users.c.erased_at.is_(None)
)
_BY_EXTERNAL_ID = Statement(_by_external_id)
_BY_ID = Statement(_by_id)
_LOCK_BY_EXTERNAL_ID = Statement(_by_external_id.with_for_update(of=users, key_share=True))
_LOCK_BY_ID = Statement(_by_id.with_for_update(of=users, key_share=True))

_LOCK_ROW = Statement(
    select(users.c.id)
    .where(users.c.id == bindparam("participant_id", type_=Uuid))
    .with_for_update(key_share=True)
)
_ARE_THERE_ANY = Statement(select(exists(select(users.c.id)).label("are_there")))


@dataclass(frozen=True, slots=True)
class PostgresParticipants:
    queries: Queries

    async def add(self, participant: Participant) -> None:
        if not await is_added(self.queries, participant):
            await self._ensure_free(participant)
            raise DatabaseUnavailable  # who was in the way is gone since: the next attempt may succeed

    async def find(self, reference: ParticipantReference) -> Participant:
        return await self._one(_BY_EXTERNAL_ID, _BY_ID, reference)

    async def lock(self, reference: ParticipantReference) -> Participant:
        return await self._one(_LOCK_BY_EXTERNAL_ID, _LOCK_BY_ID, reference)

    async def lock_row(self, participant_id: UserId) -> None:
        await self.queries.execute(_LOCK_ROW, participant_id=participant_id)

    async def _one(
        self, by_external_id: Statement, by_id: Statement, reference: ParticipantReference
    ) -> Participant:
        if isinstance(reference, ExternalId):
            row = await self.queries.one(by_external_id, reference=reference.value)
        else:
            row = await self.queries.one(by_id, reference=reference)
        if row is None:
            raise ParticipantNotFound
        return participant_from(row)

    async def save(self, participant: Participant) -> None:
        await self._ensure_free(participant)
        try:
            await self.queries.execute(_SAVE, user_id=participant.id, **names_of(participant))
        except asyncpg.UniqueViolationError as taken:  # since a moment ago
            by_email = taken.constraint_name == EMAIL_IS_UNIQUE
            raise (EmailTaken if by_email else UsernameTaken) from taken

    async def are_there_any(self) -> bool:
        [row] = await self.queries.all(_ARE_THERE_ANY)
        return bool(row["are_there"])

    async def _ensure_free(self, participant: Participant) -> None:
        names = names_of(participant)
        others = [
            row
            for row in await self.queries.all(
                _SAME,
                external_id=participant.external_id and participant.external_id.value,
                username_key=names["username_key"],
                email_key=names["email_key"],
            )
            if row["id"] != participant.id
        ]
        if any(row["by_external_id"] for row in others):
            raise ExternalIdTaken
        if others:
            raise EmailTaken if any(row["by_email"] for row in others) else UsernameTaken
