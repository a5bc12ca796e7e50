"""Refresh tokens: each works once, and all that descend from one log-in stand and fall together."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NewType, Self
from uuid import UUID

from referral.domain.access.errors import InvalidRefreshToken
from referral.domain.accounts.user import User, UserId

FamilyId = NewType("FamilyId", UUID)
Digest = NewType("Digest", bytes)


def digest_of(token: str) -> Digest:
    """What is kept of a token: SHA-256, enough for a secret of 256 random bits."""
    return Digest(hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest())


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """What the service remembers of a token it gave out."""

    digest: Digest
    family_id: FamilyId
    user_id: UserId
    credentials_version: int
    expires_at: datetime
    spent_at: datetime | None = None

    def spend(self, holder: User, now: datetime) -> Self:
        """The token, used up; raise InvalidRefreshToken when it is expired or the holder's credentials changed."""
        if now >= self.expires_at or self.credentials_version != holder.credentials_version:
            raise InvalidRefreshToken
        return replace(self, spent_at=now)
