from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from referral.application.audit import Audit
from referral.application.instant import instant
from referral.application.pages import MAX_POSITION
from referral.application.ports import Clock
from referral.application.webhooks.ports import Deliveries, Endpoints, Replay
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.errors import Checks, InvalidInput
from referral.domain.webhooks.delivery import MessageId
from referral.domain.webhooks.endpoint import EndpointId

SHARE = 5000  # of which the database stores what is to be done in good time


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many messages are sent once more, of those written before `until`, and where to go on: None at the end."""

    count: int
    until: datetime
    next_cursor: int | None


@dataclass(frozen=True, slots=True)
class ReplayMessages:
    """Have what an endpoint was sent since a time, and before another, sent once more, in order, each under its id.

    It does a share at a time, of 5,000 messages, and says where to go on. With `only_failed` those that were delivered
    are not sent. An endpoint that is left alone, because it failed, is sent to at once.

    Raises MissingScope, InvalidInput, EndpointNotFound or EndpointDisabled.
    """

    endpoints: Endpoints
    deliveries: Deliveries
    clock: Clock
    audit: Audit

    async def __call__(
        self,
        *,
        endpoint_id: EndpointId,
        since: datetime | str,
        until: datetime | str | None = None,
        only_failed: bool = False,
        cursor: int | None = None,
        caller: Caller = OPERATOR,
    ) -> Replayed:
        with self.audit.by(caller, "replay-messages") as deed:
            deed.endpoint_id = endpoint_id
            caller.ensure_may(Scope.WEBHOOKS_WRITE)
            checks = Checks()
            with checks.of("from"):
                begins_at = instant(since)
            ends_at = now = self.clock.now()
            with checks.of("to"):
                ends_at = ends_at if until is None else instant(until)
            with checks.of("cursor"):
                if cursor is not None and not 1 <= cursor <= MAX_POSITION:
                    raise InvalidInput("A cursor is the `next_cursor` of an earlier answer.")
            checks.done()
            (await self.endpoints.find(endpoint_id)).ensure_active()
            await self.endpoints.end_pause(endpoint_id, now)
            wanted = Replay(
                since=begins_at,
                until=ends_at,
                only_failed=only_failed,
                after=None if cursor is None else MessageId(UUID(int=cursor)),
                most=SHARE,
            )
            replayed = await self.deliveries.replay_some(endpoint_id, wanted)
            there_may_be_more = len(replayed) == SHARE
            next_cursor = replayed[-1].int if there_may_be_more else None
            return Replayed(len(replayed), ends_at, next_cursor)
