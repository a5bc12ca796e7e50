from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import LargeBinary, bindparam, delete, null, select, update
from sqlalchemy.dialects.postgresql import insert

from referral.adapters.postgres.access.tables import idempotency_records as records
from referral.adapters.postgres.core.database import Database
from referral.adapters.postgres.core.joint import JOINT, Joint
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.patience import call_of_its_own
from referral.adapters.postgres.core.statement import Statement
from referral.application.access.ports import CallRecord, Claim
from referral.application.ports import Clock
from referral.domain.access.errors import RequestInProgress
from referral.domain.errors import DatabaseUnavailable

KEPT = timedelta(hours=24)
# Some renewals may fail meanwhile; a caller waits for so long when the process that had the claim was killed.
CLAIMED = timedelta(seconds=10)

_new = insert(records).values(
    {name: bindparam(name) for name in ("call_id", "holder", "request", "expires_at")}
)
_CLAIM = Statement(
    _new.on_conflict_do_update(
        index_elements=["call_id"],
        set_={
            "holder": _new.excluded.holder,
            "request": _new.excluded.request,
            "answer": null(),
            "expires_at": _new.excluded.expires_at,
        },
        where=records.c.expires_at <= bindparam("now", type_=INSTANT),
    ).returning(records.c.holder),
    on_the_side=True,
)
_FIND = Statement(
    select(records.c.request, records.c.answer).where(records.c.call_id == bindparam("call_id"))
)
_held = (
    (records.c.call_id == bindparam("which"))
    & (records.c.holder == bindparam("by"))
    & records.c.answer.is_(None)
)
_RENEW = Statement(
    update(records).values(expires_at=bindparam("until", type_=INSTANT)).where(_held),
    on_the_side=True,
)
_KEEP = Statement(
    update(records)
    .values(
        answer=bindparam("new_answer", type_=LargeBinary),
        expires_at=bindparam("until", type_=INSTANT),
    )
    .where(_held)
    .returning(records.c.call_id)
)
_GIVE_UP = Statement(delete(records).where(_held), on_the_side=True)


@dataclass(slots=True)
class _NewRecord:
    answer: bytes | None = None

    def keep(self, answer: bytes) -> None:
        self.answer = answer


@dataclass(frozen=True, slots=True)
class PostgresIdempotencyRecords:
    database: Database

    async def claim(self, call_id: bytes, request: bytes, now: datetime) -> Claim | CallRecord:
        claim = Claim(call_id, uuid4())
        claimed = await self.database.one(
            _CLAIM,
            call_id=call_id,
            holder=claim.holder,
            request=request,
            expires_at=now + CLAIMED,
            now=now,
        )
        if claimed is not None:
            return claim
        found = await self.database.one(_FIND, call_id=call_id)
        # It may have been given up in between.
        return CallRecord(found["request"], found["answer"]) if found else CallRecord(request, None)

    async def renew(self, claim: Claim, now: datetime) -> None:
        with call_of_its_own():
            await self.database.execute(
                _RENEW, which=claim.call_id, by=claim.holder, until=now + CLAIMED
            )

    @asynccontextmanager
    async def effects_of(self, claim: Claim, clock: Clock) -> AsyncIterator[_NewRecord]:
        record = _NewRecord()
        try:
            async with AsyncExitStack() as stack:
                joint = Joint(self.database, stack)
                outside = JOINT.set(joint)
                try:
                    yield record
                finally:
                    JOINT.reset(outside)
                if record.answer is not None:
                    await self._keep(joint, claim, record.answer, clock.now() + KEPT)
        except BaseException:
            with suppress(DatabaseUnavailable):
                await self._give_up(claim)
            raise
        if record.answer is None:
            await self._give_up(claim)

    @staticmethod
    async def _keep(joint: Joint, claim: Claim, answer: bytes, until: datetime) -> None:
        """Store the answer, unless someone else took the claim over; they wait for this row, or changed it."""
        kept = await joint.one(
            _KEEP, which=claim.call_id, by=claim.holder, new_answer=answer, until=until
        )
        if kept is None:
            raise RequestInProgress

    async def _give_up(self, claim: Claim) -> None:
        await self.database.execute(_GIVE_UP, which=claim.call_id, by=claim.holder)
