from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from referral.application.again import again
from referral.application.audit import Audit
from referral.application.ports import Clock
from referral.application.transaction import UnitOfWork
from referral.application.unchanged import UNCHANGED, Unchanged
from referral.application.webhooks.endpoint_rules import EndpointRules
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.errors import Checks
from referral.domain.webhooks.endpoint import Endpoint, EndpointId, EndpointStatus


@dataclass(frozen=True, slots=True)
class ChangeEndpoint:
    """Change where an endpoint is, what it hears of from a second later on, or whether it is sent anything.

    Raises MissingScope, InvalidInput or EndpointNotFound; then nothing was changed.
    """

    unit_of_work: UnitOfWork
    rules: EndpointRules
    clock: Clock
    audit: Audit

    async def __call__(
        self,
        *,
        endpoint_id: EndpointId,
        url: str | None = None,
        events: Collection[str] | None = None,
        description: str | Literal[Unchanged.UNCHANGED] | None = UNCHANGED,
        status: str | None = None,
        caller: Caller = OPERATOR,
    ) -> Endpoint:
        with self.audit.by(caller, "change-endpoint") as deed:
            deed.endpoint_id = endpoint_id
            caller.ensure_may(Scope.WEBHOOKS_WRITE)
            checks = Checks()
            changes: dict[str, object] = {}
            with checks.of("url"):
                if url is not None:
                    changes["url"] = self.rules.url(url)
            with checks.of("events"):
                if events is not None:
                    changes["events"] = self.rules.events(events)
            with checks.of("description"):
                if description is not UNCHANGED:
                    changes["description"] = (
                        None if description is None else self.rules.description(description)
                    )
            reached = None
            with checks.of("status"):
                reached = None if status is None else EndpointStatus.parse(status)
            checks.done()
            return await again(self._change, endpoint_id, changes, reached)

    async def _change(
        self, endpoint_id: EndpointId, changes: dict[str, object], status: EndpointStatus | None
    ) -> Endpoint:
        async with self.unit_of_work.begin() as tx:
            before = await tx.endpoints.lock(endpoint_id)
            changed = replace(before, **changes)  # type: ignore[arg-type]
            if changed.url != before.url:
                changed = changed.recovered()
            if status is not None:
                changed = changed.become(status, self.clock.now())
            await tx.endpoints.save(changed)
            return changed
