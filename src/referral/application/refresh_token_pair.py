from dataclasses import dataclass

from referral.application.ports import Clock, UnitOfWork
from referral.application.token_pair import TokenPair, TokenPairs
from referral.domain.errors import InvalidRefreshToken
from referral.domain.refresh_token import digest_of


@dataclass(frozen=True, slots=True)
class RefreshTokenPair:
    """Exchange a refresh token for a new pair; the old one is spent.

    Raises InvalidRefreshToken. A spent token that comes back revokes all that descend from its log-in,
    for either its holder or whoever spent it is a thief (RFC 9700 §4.14.2).
    """

    unit_of_work: UnitOfWork
    token_pairs: TokenPairs
    clock: Clock

    async def __call__(self, *, refresh_token: str) -> TokenPair:
        async with self.unit_of_work.begin() as tx:
            token, holder = await tx.refresh_tokens.lock(digest_of(refresh_token))
            if token.spent_at is None:
                await tx.refresh_tokens.save(token.spend(holder, self.clock.now()))
                pair, successor = self.token_pairs.make(holder, token.family_id)
                await tx.refresh_tokens.add(successor)
                return pair
            await tx.refresh_tokens.revoke_family(token.family_id)
        raise InvalidRefreshToken  # only now: inside, it would undo the revocation
