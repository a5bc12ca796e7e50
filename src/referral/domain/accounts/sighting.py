"""Where people were seen, without telling where that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, Self

from referral.domain.accounts.user import UserId

NetworkName = NewType("NetworkName", bytes)
"""What a network is called: always the same for one network, and it does not tell which it is."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """That someone signed up or logged in at a network, when they last did, and who brought them."""

    network: NetworkName
    at: datetime
    referrer_id: UserId | None = None

    @classmethod
    def of(
        cls, networks: Sequence[NetworkName], at: datetime, referrer_id: UserId | None
    ) -> Self | None:
        """At the network with these names, by the first; None where it has none."""
        return cls(networks[0], at, referrer_id) if networks else None
