"""What a referral's events come to, one after the other, as the service does it."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from examples import NOW, an_id
from referral.domain.programs.program import ProgramId
from referral.domain.programs.referral import ReferralStatus
from referral.domain.programs.reward_rules import Side
from referral.domain.programs.terms import TermsVersion
from referral.domain.rewards.caps import Room, award
from referral.domain.rewards.decision import Reason
from referral.domain.rewards.event import Amount, Event, EventId, EventNumber
from referral.domain.rewards.judgement import judge
from referral.domain.rewards.ledger import Change
from referral.domain.rewards.qualification import Facts
from referral.domain.rewards.reward import PayoutId, Reward, RewardId, RewardStatus

REFERRER, REFEREE = an_id(1), an_id(2)
SIGNED_UP = Facts(
    referred_at=NOW, status=ReferralStatus.SIGNED_UP, qualified_at=None, is_over=False
)
NO_CAPS = Room(qualified=1, rewarded=0, spent={})


def an_event(number=1, *, days=1.0, cents=None, unit="EUR", of=None, kind=None):
    return Event(
        number=EventNumber(number),
        source="shop",
        id=EventId(str(number)),
        type=kind or ("refund" if of else "purchase"),
        participant_id=REFEREE,
        occurred_at=NOW + timedelta(days=days),
        amount=None if cents is None else Amount(cents, unit),
        of=EventId(str(of)) if of else None,
        metadata={},
    )


def a_reward(number=1, **more):
    return Reward(
        **{
            "id": RewardId(UUID(int=number)),
            "referral_id": REFEREE,
            "program_id": ProgramId(1),
            "terms_version": TermsVersion(1),
            "rule": "thanks",
            "to": Side.REFERRER,
            "beneficiary_id": REFERRER,
            "amount": 1000,
            "unit": "EUR",
            "status": RewardStatus.PENDING,
            "created_at": NOW,
            "due_at": NOW,
            **more,
        }
    )


@dataclass
class Referral:
    """One referral with its events and rewards."""

    terms: object
    facts: Facts = SIGNED_UP
    events: list[Event] = field(default_factory=list)
    rewards: dict[RewardId, Reward] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)

    def tell(self, event, room=NO_CAPS):
        """What is decided of one more event; the rewards are as it says."""
        self.events.append(event)
        now = NOW + timedelta(days=9)
        judged = judge(self.terms, self.facts, self.events, self.rewards.values(), now)
        granted, refused = award(self.terms, judged.claims, room, is_referrer_erased=False)
        for claim in granted:
            reward = a_reward(
                len(self.rewards) + 1,
                rule=claim.rule.rule,
                to=claim.rule.to,
                beneficiary_id=REFERRER if claim.rule.to == Side.REFERRER else REFEREE,
                amount=claim.amount,
                unit=claim.rule.unit,
                cause=event.number,
                shared=claim.shared,
                milestone=claim.rule.at_qualified,
            )
            self.become(None, reward)
        for back in judged.take_backs:
            if back.reward.status == RewardStatus.PAID:
                new_id = RewardId(UUID(int=len(self.rewards) + 1))
                self.become(None, back.reward.recovery(new_id, back.amount, event.number, now))
            else:
                self.become(back.reward, back.reward.less(back.amount))
        is_late = judged.decisions[0].reason == Reason.PROGRAM_ENDED
        self.facts = replace(
            self.facts,
            told_after_end={*self.facts.told_after_end, *([event.number] if is_late else [])},
            status=judged.standing.status,
            qualified_at=judged.standing.qualified_at,
        )
        return [*judged.decisions, *refused]

    def become(self, before, after):
        self.rewards[after.id] = after
        self.changes.append(Change(before, after))

    def pay(self):
        """Pay everything that is positive and was not paid yet."""
        for reward in [*self.rewards.values()]:
            if reward.status.counts and reward.status != RewardStatus.PAID and reward.amount > 0:
                paid = reward.approve().pay(PayoutId(UUID(int=1)))
                self.become(reward, paid)

    @property
    def worth(self):
        """What was given for each rule and shared event, less what was taken back."""
        sums = {}
        for reward in self.rewards.values():
            if reward.status.counts:
                purpose = reward.rule, reward.shared
                sums[purpose] = sums.get(purpose, 0) + reward.amount
        return {purpose: amount for purpose, amount in sums.items() if amount}
