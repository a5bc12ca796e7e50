from dataclasses import dataclass
from datetime import timedelta

from referral.application.access.ports import AccessClaims, AccessTokens
from referral.application.ports import Clock, Randomness
from referral.domain.access.refresh_token import FamilyId, RefreshToken, digest_of
from referral.domain.accounts.user import User


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a log-in gives: an access token, good for `expires_in` seconds, and one to get the next pair with."""

    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class TokenPairs:
    """Makes token pairs; storing the refresh token is left to the caller's transaction."""

    access_tokens: AccessTokens
    randomness: Randomness
    clock: Clock
    refresh_token_ttl: timedelta

    def make(self, user: User, family_id: FamilyId) -> tuple[TokenPair, RefreshToken]:
        now = self.clock.now()
        secret = self.randomness.refresh_token()
        claims = AccessClaims(user.id, user.credentials_version)
        pair = TokenPair(
            access_token=self.access_tokens.issue(claims, now),
            refresh_token=secret,
            expires_in=int(self.access_tokens.ttl.total_seconds()),
        )
        return pair, RefreshToken(
            digest=digest_of(secret),
            family_id=family_id,
            user_id=user.id,
            credentials_version=user.credentials_version,
            expires_at=now + self.refresh_token_ttl,
        )
