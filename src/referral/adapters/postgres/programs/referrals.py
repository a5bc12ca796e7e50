from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Integer,
    Text,
    Uuid,
    bindparam,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.programs.bursts import NTH_NEWEST, NTH_NEWEST_SEEN
from referral.adapters.postgres.programs.named_referrals import (
    FIND,
    NEWEST,
    NEWEST_OF_REFERRER,
    named_from,
    referral_from,
)
from referral.adapters.postgres.programs.overdue_referrals import EXPIRE
from referral.adapters.postgres.programs.referral_pages import PAGE, page_from
from referral.adapters.postgres.programs.referral_under_terms import UNDER_TERMS, under_terms_from
from referral.adapters.postgres.programs.tables import referrals
from referral.application.pages import ListPage, ListRequest, Page, PageRequest
from referral.application.programs.ports import (
    NamedReferral,
    Referee,
    ReferralFilter,
    ReferralUnderTerms,
)
from referral.domain.accounts.errors import ParticipantNotFound
from referral.domain.accounts.sighting import NetworkName
from referral.domain.accounts.user import UserId
from referral.domain.programs.errors import AlreadyReferred, ReferralNotFound
from referral.domain.programs.referral import Referral, ReferralStatus

# Its number is counted only once it is there: what a referee who has one asks for changes nothing.
_owner = (
    select(users.c.id, users.c.referrals_count)
    .where(users.c.id == bindparam("referrer_id"))
    .with_for_update(key_share=True)
    .cte("owner")
)
_added = (
    insert(referrals)
    .from_select(
        [
            *("referrer_id", "number", "referee_id", "code_id", "created_at"),
            *("program_id", "terms_version", "status", "qualifies_until", "qualified_at"),
            "held_reasons",
        ],
        select(
            _owner.c.id,
            _owner.c.referrals_count + 1,
            users.c.id,
            bindparam("code_id", type_=BigInteger),
            bindparam("created_at", type_=INSTANT),
            bindparam("program_id", type_=Integer),
            bindparam("terms_version", type_=Integer),
            bindparam("status", type_=Text),
            bindparam("qualifies_until", type_=INSTANT),
            bindparam("qualified_at", type_=INSTANT),
            bindparam("held_reasons", type_=ARRAY(Text)),
        )
        .select_from(_owner.join(users, true()))
        .where(
            users.c.id == bindparam("referee_id", type_=Uuid),
            users.c.erased_at.is_(None),
        ),
    )
    # What callers can provoke is no error in PostgreSQL's log.
    .on_conflict_do_nothing(index_elements=[referrals.c.referee_id])
    .returning(referrals.c.referrer_id, referrals.c.number)
    .cte("added")
)
_ADD = Statement(
    update(users)
    .values(referrals_count=_added.c.number)
    .where(users.c.id == _added.c.referrer_id)
    .returning(users.c.referrals_count)
)

_SAVE = Statement(
    update(referrals)
    .values(
        status=bindparam("new_status", type_=Text),
        qualified_at=bindparam("new_qualified_at", type_=INSTANT),
        held_reasons=bindparam("new_held_reasons", type_=ARRAY(Text)),
    )
    .where(referrals.c.referee_id == bindparam("referee", type_=Uuid))
)


@dataclass(frozen=True, slots=True)
class PostgresReferrals:
    queries: Queries

    async def add(self, referral: Referral) -> None:
        added = await self.queries.one(
            _ADD,
            referrer_id=referral.referrer_id,
            referee_id=referral.referee_id,
            code_id=referral.code_id,
            created_at=referral.created_at,
            program_id=referral.program_id,
            terms_version=referral.terms_version,
            status=referral.status.value,
            qualifies_until=referral.qualifies_until,
            qualified_at=referral.qualified_at,
            held_reasons=[*referral.held_reasons],
        )
        if added is None:
            known = await self.queries.one(FIND, referee_id=referral.referee_id)
            raise AlreadyReferred if known else ParticipantNotFound

    async def find(self, referee_id: UserId) -> NamedReferral:
        row = await self.queries.one(FIND, referee_id=referee_id)
        if row is None:
            raise ReferralNotFound
        return named_from(row)

    async def newest(self, wanted: ReferralFilter, request: ListRequest) -> ListPage[NamedReferral]:
        rows = await self.queries.all(
            NEWEST if wanted.referrer_id is None else NEWEST_OF_REFERRER,
            referrer_id=wanted.referrer_id,
            program_id=wanted.program_id,
            statuses_status=[*map(str, [wanted.status] if wanted.status else ReferralStatus)],
            cursor=request.after_id,
            size=request.limit + 1,
        )
        found = [*map(named_from, rows)]
        return ListPage.of(found, request, lambda named: named.referral.referee_id.int)

    async def under_terms(self, referee_id: UserId) -> ReferralUnderTerms | None:
        row = await self.queries.one(UNDER_TERMS, referee_id=referee_id)
        return None if row is None else under_terms_from(row)

    async def save(self, referral: Referral) -> None:
        await self.queries.execute(
            _SAVE,
            referee=referral.referee_id,
            new_status=referral.status.value,
            new_qualified_at=referral.qualified_at,
            new_held_reasons=[*referral.held_reasons],
        )

    async def expire_overdue(self, now: datetime, most: int) -> Sequence[Referral]:
        return [*map(referral_from, await self.queries.all(EXPIRE, now=now, most=most))]

    async def nth_newest_at(self, referrer_id: UserId, n: int) -> datetime | None:
        row = await self.queries.one(NTH_NEWEST, referrer_id=referrer_id, n=n)
        return None if row is None else row["created_at"]

    async def nth_newest_seen_at(
        self, referral: Referral, networks: Sequence[NetworkName], n: int
    ) -> datetime | None:
        row = await self.queries.one(
            NTH_NEWEST_SEEN,
            networks=networks,
            referrer_id=referral.referrer_id,
            referee_id=referral.referee_id,
            n=n,
        )
        return None if row is None else row["seen_at"]

    async def page_of(self, referrer_id: UserId, request: PageRequest) -> Page[Referee]:
        rows = await self.queries.all(
            PAGE,
            referrer_id=referrer_id,
            size=request.size,
            offset=request.offset,
            cursor=request.cursor,
        )
        return page_from(rows, request)
