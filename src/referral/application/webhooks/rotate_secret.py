from dataclasses import dataclass

from referral.application.access.ports import Sealing
from referral.application.again import again
from referral.application.audit import Audit
from referral.application.ports import Clock, Randomness
from referral.application.transaction import UnitOfWork
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.webhooks.endpoint import Endpoint, EndpointId
from referral.domain.webhooks.signing import shown_secret


@dataclass(frozen=True, slots=True)
class RotateSecret:
    """Give an endpoint another secret, and show it this once; the one it had signs along for 24 hours.

    Raises MissingScope or EndpointNotFound.
    """

    unit_of_work: UnitOfWork
    sealing: Sealing
    randomness: Randomness
    clock: Clock
    audit: Audit

    async def __call__(
        self, *, endpoint_id: EndpointId, caller: Caller = OPERATOR
    ) -> tuple[Endpoint, str]:
        with self.audit.by(caller, "rotate-secret") as deed:
            deed.endpoint_id = endpoint_id
            caller.ensure_may(Scope.WEBHOOKS_WRITE)
            secret = self.randomness.webhook_secret()
            rotated = await again(self._rotate, endpoint_id, self.sealing.seal(secret))
            return rotated, shown_secret(secret)

    async def _rotate(self, endpoint_id: EndpointId, sealed: bytes) -> Endpoint:
        async with self.unit_of_work.begin() as tx:
            before = await tx.endpoints.lock(endpoint_id)
            rotated = before.rotated(sealed, self.clock.now())
            await tx.endpoints.save(rotated)
            return rotated
