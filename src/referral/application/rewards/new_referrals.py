from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from referral.application.accounts.ports import DisposableAddresses
from referral.application.programs.ports import NamedReferral, ReferralUnderTerms
from referral.application.rewards.awards import Awards
from referral.application.transaction import Transaction
from referral.application.webhooks.messages import referral_created
from referral.domain.accounts.sighting import NetworkName
from referral.domain.accounts.user import Participant
from referral.domain.programs.referral import Referral
from referral.domain.programs.referral_code import ReferralCode
from referral.domain.programs.terms import Burst, Review
from referral.domain.rewards.decision import Decision
from referral.domain.rewards.review import Signals, review, reviewed
from referral.domain.webhooks.message import Message


@dataclass(frozen=True, slots=True)
class NewReferrals:
    """Stores a referral that is made, with what its terms say of it: whether it is suspicious, and what it is worth."""

    awards: Awards
    disposable_addresses: DisposableAddresses

    async def add(
        self,
        tx: Transaction,
        referral: Referral,
        code: ReferralCode,
        owner: Participant,
        referee: Participant,
        *,
        networks: Sequence[NetworkName] = (),
        after: Sequence[Message] = (),
    ) -> NamedReferral:
        """All of it in this transaction, under the owner's lock, and told `after` these messages.

        `networks` are the names of the network where the referee signs up, where that is known.

        Raises what `Referrals.add` raises.
        """
        found, doubts = None, list[Decision]()
        if code.program.judges_sign_ups:
            kept = await tx.programs.terms(code.program.slug, referral.terms_version)
            signals = await self._signals(
                tx, kept.terms.review, referral, owner, referee, networks=networks
            )
            doubts = [*review(kept.terms.review, signals, referral.created_at)]
            referral = reviewed(referral, doubts)
            found = ReferralUnderTerms(referral, kept.terms, is_over=False)
        await tx.referrals.add(referral)
        named = NamedReferral.of(referral, code, owner, referee)
        await tx.outbox.add(*after, *referral_created(named))
        if found is not None:
            await self.awards.for_sign_up(tx, found, doubts)
        return named

    async def _signals(
        self,
        tx: Transaction,
        rules: Review,
        referral: Referral,
        owner: Participant,
        referee: Participant,
        *,
        networks: Sequence[NetworkName],
    ) -> Signals:
        async def brought_at(n: int) -> datetime | None:
            return await tx.referrals.nth_newest_at(owner.id, n)

        async def seen_at(n: int) -> datetime | None:
            return await tx.referrals.nth_newest_seen_at(referral, networks, n)

        now = referral.created_at
        return Signals(
            referrer=owner.email,
            referee=referee.email,
            is_disposable=referee.email is not None and referee.email in self.disposable_addresses,
            burst_began_at=await _began_at(rules.velocity, now, brought_at),
            crowd_began_at=await _began_at(rules.same_network if networks else None, now, seen_at),
        )


async def _began_at(
    burst: Burst | None, now: datetime, nth_newest: Callable[[int], Awaitable[datetime | None]]
) -> datetime | None:
    """When the first came of so many, of whom the one that comes now is the last."""
    if burst is None:
        return None
    return now if burst.sign_ups == 1 else await nth_newest(burst.sign_ups - 1)
