"""How a claim that there is room for becomes a reward."""

from datetime import datetime, timedelta

from referral.domain.programs.referral import Referral
from referral.domain.programs.reward_rules import Side
from referral.domain.programs.terms import Terms
from referral.domain.rewards.caps import Claim
from referral.domain.rewards.event import EventNumber
from referral.domain.rewards.reward import Reward, RewardId, RewardStatus


def reward_for(
    claim: Claim,
    referral: Referral,
    terms: Terms,
    new_id: RewardId,
    *,
    now: datetime,
    cause: EventNumber | None,
) -> Reward:
    """The reward as it is when it is given: held with its referral, else waiting for its time, if there is one."""
    rule = claim.rule
    status = RewardStatus.PENDING if terms.hold_days else RewardStatus.APPROVED
    return Reward(
        id=new_id,
        referral_id=referral.referee_id,
        program_id=referral.program_id,
        terms_version=referral.terms_version,
        rule=rule.rule,
        to=rule.to,
        beneficiary_id=referral.referrer_id if rule.to == Side.REFERRER else referral.referee_id,
        amount=claim.amount,
        unit=rule.unit,
        status=RewardStatus.HELD if referral.is_held else status,
        created_at=now,
        due_at=now + timedelta(terms.hold_days),
        cause=cause,
        shared=claim.shared,
        milestone=rule.at_qualified,
        budgeted=any(budget.unit == rule.unit for budget in terms.caps.budget),
    )
