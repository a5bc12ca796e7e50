from dataclasses import dataclass

from referral.application.access.ports import AccessTokens, KeyRing, Standing
from referral.application.ports import Clock
from referral.domain.access.api_key import PREFIX, digest_of_key
from referral.domain.access.caller import Caller


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Tell who calls from an access token or an API key; raise InvalidAccessToken."""

    access_tokens: AccessTokens
    standing: Standing
    key_ring: KeyRing
    clock: Clock

    async def __call__(self, token: str) -> Caller:
        now = self.clock.now()
        if token.startswith(PREFIX):
            key = await self.key_ring.find(digest_of_key(token))
            caller = key.caller(now)
            self.key_ring.note_use(key, now)
            return caller
        claims = self.access_tokens.read(token, now)
        scopes = await self.standing.scopes_of(claims)
        return Caller(user_id=claims.user_id, scopes=scopes)
