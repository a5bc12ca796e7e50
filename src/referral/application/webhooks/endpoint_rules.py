from collections.abc import Collection
from dataclasses import dataclass

from referral.domain.webhooks.endpoint import endpoint_description, endpoint_url
from referral.domain.webhooks.message import event_patterns


@dataclass(frozen=True, slots=True)
class EndpointRules:
    """What the values have to be that an endpoint is made of; each rule gives the value, or raises InvalidInput.

    `private_networks` lets endpoints be anywhere, for development.
    """

    private_networks: bool

    def url(self, raw: str) -> str:
        return endpoint_url(raw, private_networks=self.private_networks)

    def events(self, raw: Collection[str]) -> tuple[str, ...]:
        return event_patterns(raw)

    def description(self, raw: str) -> str:
        return endpoint_description(raw)
