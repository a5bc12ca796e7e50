from dataclasses import dataclass

from referral.application.again import again
from referral.application.audit import Audit
from referral.application.ports import Deed
from referral.application.transaction import UnitOfWork
from referral.domain.access.errors import InvalidRefreshToken
from referral.domain.access.refresh_token import digest_of


@dataclass(frozen=True, slots=True)
class RevokeTokens:
    """Make a refresh token, and all that descend from the same log-in, worthless.

    An unknown token is no error (RFC 7009 §2.2): it is worthless already.
    """

    unit_of_work: UnitOfWork
    audit: Audit

    async def __call__(self, *, refresh_token: str) -> None:
        with self.audit.of("revoke") as deed:
            try:
                await again(self._revoke, refresh_token, deed)
            except InvalidRefreshToken:
                deed.reason = "unknown token"

    async def _revoke(self, refresh_token: str, deed: Deed) -> None:
        async with self.unit_of_work.begin() as tx:
            token, _ = await tx.refresh_tokens.lock(digest_of(refresh_token))
            deed.user_id = token.user_id
            await tx.refresh_tokens.revoke_family(token.family_id)
