from dataclasses import dataclass

from referral.application.access.ports import AccessTokens, Revocations
from referral.application.ports import Clock
from referral.domain.access.errors import InvalidAccessToken
from referral.domain.accounts.user import UserId


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Tell who calls from an access token; raise InvalidAccessToken."""

    access_tokens: AccessTokens
    revocations: Revocations
    clock: Clock

    async def __call__(self, access_token: str) -> UserId:
        claims = self.access_tokens.read(access_token, self.clock.now())
        if await self.revocations.is_revoked(claims):
            raise InvalidAccessToken
        return claims.user_id
