from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from referral.application.ports import Randomness
from referral.application.programs.ports import ReferralUnderTerms
from referral.application.rewards.bookkeeping import Bookkeeping
from referral.application.rewards.ports import MadeDecision
from referral.application.transaction import Transaction
from referral.application.webhooks.messages import referral_became
from referral.application.webhooks.ports import Listeners
from referral.domain.accounts.errors import UserNotFound
from referral.domain.accounts.user import UserId
from referral.domain.programs.referral import Referral, ReferralStatus
from referral.domain.programs.terms import Terms
from referral.domain.rewards.caps import award
from referral.domain.rewards.decision import Decision, Outcome, Reason
from referral.domain.rewards.event import EventNumber
from referral.domain.rewards.granting import reward_for
from referral.domain.rewards.judgement import Judgement, judge_sign_up
from referral.domain.rewards.ledger import Change
from referral.domain.rewards.qualification import Facts, Standing
from referral.domain.rewards.reward import Reward, RewardId, RewardStatus
from referral.domain.rewards.taking_back import TakeBack, lost_milestones
from referral.domain.webhooks.message import MessageType


@dataclass(frozen=True, slots=True)
class Awards:
    """Carries out what was judged of a referral: its standing, new rewards, what is taken back, and the reasons."""

    randomness: Randomness
    bookkeeping: Bookkeeping
    listeners: Listeners

    async def for_sign_up(
        self, tx: Transaction, found: ReferralUnderTerms, doubts: Sequence[Decision]
    ) -> None:
        """Reward a referral that was just made, if its terms say that a sign-up qualifies, and keep what is doubted."""
        judged = judge_sign_up(found.terms, facts(found))
        judged = replace(judged, decisions=[*doubts, *judged.decisions])
        await self.carry_out(tx, found, judged, found.referral.created_at)

    async def carry_out(
        self,
        tx: Transaction,
        found: ReferralUnderTerms,
        judgement: Judgement,
        now: datetime,
        cause: EventNumber | None = None,
        *,
        decided: Sequence[Change] = (),
    ) -> Sequence[Decision]:
        """All of it in this transaction, with what was decided of rewards already; give the decisions that came of it."""
        before, referral = found.referral, _standing_at(found.referral, judgement.standing)
        if referral != before:
            await tx.referrals.save(referral)
        if referral.status not in {before.status, ReferralStatus.SIGNED_UP}:
            await self._tell(tx, referral, now)
        is_undone = before.status == ReferralStatus.QUALIFIED != referral.status
        claims, take_backs = judgement.claims, [*judgement.take_backs]
        is_erased = bool(claims or is_undone) and await _is_erased(tx, referral.referrer_id)
        if is_undone:
            take_backs += await _lost_milestones(tx, referral, found.terms, now)
        decisions = [*judgement.decisions]
        # First, because it makes room for what is given.
        taken = [self._taken(back, now, cause) for back in take_backs]
        if decided or taken:
            await self.bookkeeping.record(tx, [*decided, *taken], now)
            await _tell_elsewhere(tx, referral.referee_id, taken, now)
        decisions += [
            about(change.after, _outcome(change), back.reason)
            for change, back in zip(taken, take_backs, strict=True)
        ]
        if claims:
            room = await tx.rewards.room(referral, found.terms, now)
            granted, refused = award(found.terms, claims, room, is_referrer_erased=is_erased)
            given = [
                reward_for(claim, referral, found.terms, self._new_id(), now=now, cause=cause)
                for claim in granted
            ]
            if given:
                await self.bookkeeping.record(tx, [Change(None, reward) for reward in given], now)
            decisions += [about(reward, Outcome.REWARDED, Reason.EARNED) for reward in given]
            decisions += refused
        if decisions:
            await tx.decisions.add(
                [
                    MadeDecision(referral.referee_id, referral.terms_version, made, now, cause)
                    for made in decisions
                ]
            )
        return tuple(decisions)

    async def _tell(self, tx: Transaction, referral: Referral, now: datetime) -> None:
        """That the referral has reached its status."""
        if self.listeners.may_hear(MessageType(f"referral.{referral.status}")):
            named = await tx.referrals.find(referral.referee_id)
            await tx.outbox.add(referral_became(named, now))

    def _taken(self, back: TakeBack, now: datetime, cause: EventNumber | None) -> Change:
        if back.reward.status != RewardStatus.PAID:
            return Change(back.reward, back.reward.less(back.amount))
        return Change(None, back.reward.recovery(self._new_id(), back.amount, cause, now))

    def _new_id(self) -> RewardId:
        return RewardId(self.randomness.new_id())


def facts(found: ReferralUnderTerms) -> Facts:
    """What the domain has to know of a referral to judge it."""
    return Facts(
        referred_at=found.referral.created_at,
        status=found.referral.status,
        qualified_at=found.referral.qualified_at,
        is_over=found.is_over,
    )


def about(reward: Reward, outcome: Outcome, reason: Reason, **inputs: str) -> Decision:
    """The decision by which a reward came to be what it is."""
    return Decision(
        rule=reward.rule,
        outcome=outcome,
        reason=reason,
        inputs={
            "to": reward.to.value,
            "amount": reward.amount,
            "unit": reward.unit,
            "status": reward.status.value,
            **inputs,
        },
        reward_id=reward.id,
    )


def made(
    reward: Reward, outcome: Outcome, reason: Reason, now: datetime, **inputs: str
) -> MadeDecision:
    """The same, made by no event."""
    decision = about(reward, outcome, reason, **inputs)
    return MadeDecision(reward.referral_id, reward.terms_version, decision, now)


async def _is_erased(tx: Transaction, referrer_id: UserId) -> bool:
    """Whether they are gone; nobody else rewards them, or takes back, until the transaction ends."""
    try:
        await tx.users.lock(referrer_id)
    except UserNotFound:
        await tx.participants.lock_row(referrer_id)
        return True
    return False


async def _lost_milestones(
    tx: Transaction, referral: Referral, terms: Terms, now: datetime
) -> Sequence[TakeBack]:
    """What the referrer's milestones gave that they no longer reach without this referral."""
    milestones = await tx.rewards.milestones_of(referral.referrer_id, referral.program_id)
    reached = [reward.milestone or 0 for reward in milestones]
    room = await tx.rewards.room(referral, terms, now, reached)
    return [*lost_milestones(milestones, room.qualified)]


async def _tell_elsewhere(
    tx: Transaction, referral_id: UserId, taken: Sequence[Change], now: datetime
) -> None:
    """Keep a decision of what is taken back of another referral's rewards, there too."""
    elsewhere = [
        made(change.after, _outcome(change), Reason.MILESTONE_LOST, now)
        for change in taken
        if change.after.referral_id != referral_id
    ]
    if elsewhere:
        await tx.decisions.add(elsewhere)


def _standing_at(referral: Referral, standing: Standing) -> Referral:
    return replace(referral, status=standing.status, qualified_at=standing.qualified_at)


def _outcome(change: Change) -> Outcome:
    if change.before is None:
        return Outcome.TO_RECOVER
    return Outcome.REDUCED if change.after.status.counts else Outcome.REVERSED
