from dataclasses import dataclass
from datetime import timedelta

from referral.application.access.limit import Limit
from referral.application.access.ports import RateLimiter, RefreshTokens
from referral.application.access.token_pair import TokenPair, TokenPairs
from referral.application.again import again
from referral.application.audit import Audit
from referral.application.ports import Clock
from referral.application.transaction import UnitOfWork
from referral.domain.access.errors import InvalidRefreshToken
from referral.domain.access.refresh_token import Digest, digest_of

PER_FAMILY = Limit(hits=60, window=timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class RefreshTokenPair:
    """Exchange a refresh token for a new pair; the old one is spent.

    Raises InvalidRefreshToken or TooManyAttempts. A spent token that comes back revokes all that descend from its log-in,
    for its holder or the one who spent it is a thief (RFC 9700 §4.14.2).
    """

    unit_of_work: UnitOfWork
    refresh_tokens: RefreshTokens
    token_pairs: TokenPairs
    clock: Clock
    rate_limiter: RateLimiter
    audit: Audit

    async def __call__(self, *, refresh_token: str) -> TokenPair:
        with self.audit.of("refresh") as deed:
            digest = digest_of(refresh_token)
            token = await self.refresh_tokens.by_digest(digest)
            deed.user_id = token.user_id
            if token.spent_at is None:  # one that comes back has to end its family, however often
                await self.rate_limiter.hit({f"refresh:{token.family_id}": PER_FAMILY})
            pair = await again(self._exchange, digest)
            if pair is None:
                deed.reason = "used before"
                raise InvalidRefreshToken  # only now: inside, it would undo the revocation
            return pair

    async def _exchange(self, digest: Digest) -> TokenPair | None:
        """The new pair; none for a token that was spent before: then its family is revoked."""
        async with self.unit_of_work.begin() as tx:
            token, holder = await tx.refresh_tokens.lock(digest)
            if token.spent_at is not None:
                await tx.refresh_tokens.revoke_family(token.family_id)
                return None
            await tx.refresh_tokens.save(token.spend(holder, self.clock.now()))
            pair, successor = self.token_pairs.make(holder, token.family_id)
            await tx.refresh_tokens.add(successor)
            return pair
