from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from referral.application.instant import instant
from referral.application.ports import Clock
from referral.application.programs.ports import NamedReferral, Referrals
from referral.application.rewards.ports import Decisions, MadeDecision
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.access.errors import MissingScope
from referral.domain.accounts.user import UserId
from referral.domain.errors import Checks
from referral.domain.programs.errors import ReferralNotFound
from referral.domain.rewards.explanation import made_with
from referral.domain.rewards.for_referrer import for_referrer


@dataclass(frozen=True, slots=True)
class ExplainReferral:
    """A referral, and every decision about it until `as_of`, in the order in which they were made.

    Its referrer may ask too, and does not see what is the other's. Raises InvalidInput, ReferralNotFound or
    MissingScope.
    """

    referrals: Referrals
    decisions: Decisions
    clock: Clock

    async def __call__(
        self, *, referral_id: UUID, as_of: datetime | str | None = None, caller: Caller = OPERATOR
    ) -> tuple[NamedReferral, Sequence[MadeDecision]]:
        checks = Checks()
        until = self.clock.now()
        with checks.of("as_of"):
            until = until if as_of is None else instant(as_of)
        checks.done()
        named = await self._find(UserId(referral_id), caller)
        referral = named.referral
        if referral.created_at > until:
            raise ReferralNotFound
        begun = made_with(named.code.value, named.program.value)
        first = MadeDecision(
            referral.referee_id, referral.terms_version, begun, referral.created_at
        )
        made = [first, *await self.decisions.of(referral.referee_id, until)]
        if not caller.may(Scope.REWARDS_READ):
            made = [replace(m, decision=d) for m in made if (d := for_referrer(m.decision))]
        return named, made

    async def _find(self, referral_id: UserId, caller: Caller) -> NamedReferral:
        """Raise MissingScope where it is not the caller's, which does not tell whether there is one."""
        if caller.may(Scope.REWARDS_READ):
            return await self.referrals.find(referral_id)
        with suppress(ReferralNotFound):
            named = await self.referrals.find(referral_id)
            if named.referral.referrer_id == caller.user_id:
                return named
        raise MissingScope(Scope.REWARDS_READ)
