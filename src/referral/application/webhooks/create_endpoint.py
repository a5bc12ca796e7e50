from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from referral.application.access.limit import Limit
from referral.application.access.ports import RateLimiter, Sealing
from referral.application.audit import Audit
from referral.application.ports import Clock, Randomness
from referral.application.webhooks.endpoint_rules import EndpointRules
from referral.application.webhooks.ports import Endpoints
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.errors import Checks
from referral.domain.webhooks.endpoint import Endpoint, EndpointId
from referral.domain.webhooks.signing import shown_secret

# Each of them makes every message dearer.
PER_CALLER = Limit(hits=60, window=timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class CreateEndpoint:
    """Have messages sent to an address, and give the secret that signs them this once.

    It hears of all that begins a second later. Raises InvalidInput, MissingScope or TooManyAttempts.
    """

    endpoints: Endpoints
    rules: EndpointRules
    sealing: Sealing
    randomness: Randomness
    clock: Clock
    rate_limiter: RateLimiter
    audit: Audit

    async def __call__(
        self,
        *,
        url: str,
        events: Collection[str],
        description: str | None = None,
        caller: Caller = OPERATOR,
    ) -> tuple[Endpoint, str]:
        checks = Checks()
        with checks.of("url"):
            address = self.rules.url(url)
        with checks.of("events"):
            wanted = self.rules.events(events)
        about = None
        with checks.of("description"):
            about = None if description is None else self.rules.description(description)
        checks.done()
        with self.audit.by(caller, "create-endpoint") as deed:
            caller.ensure_may(Scope.WEBHOOKS_WRITE)
            if caller != OPERATOR:
                await self.rate_limiter.hit({f"create-endpoint:{caller}": PER_CALLER})
            secret = self.randomness.webhook_secret()
            endpoint = Endpoint(
                id=EndpointId(self.randomness.new_id()),
                url=address,
                events=wanted,
                description=about,
                secret=self.sealing.seal(secret),
                created_at=self.clock.now(),
            )
            deed.endpoint_id = endpoint.id
            await self.endpoints.add(endpoint)
            return endpoint, shown_secret(secret)
