"""What is wrong with the ledger: rewards against terms and events, and entries against rewards."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from referral.domain.accounts.user import UserId
from referral.domain.programs.program import ProgramId
from referral.domain.programs.referral import ReferralStatus
from referral.domain.programs.reward_rules import Side
from referral.domain.programs.terms import Terms, TermsVersion
from referral.domain.rewards.entitlement import Purpose, entitlement
from referral.domain.rewards.event import Event
from referral.domain.rewards.ledger import Account, holdings
from referral.domain.rewards.qualification import Facts, Standing, standing
from referral.domain.rewards.reward import Reward, RewardId, RewardStatus
from referral.domain.rewards.taking_back import given


@dataclass(frozen=True, slots=True)
class Difference:
    """What is stored of something, and what it has to be.

    `missing` is what nothing was given for: a cap may have refused it.
    """

    of: str
    stored: object
    computed: object
    referral_id: UserId | None = None
    missing: Purpose | None = None

    def __str__(self) -> str:
        return f"{self.of}: {self.stored} is stored, and it has to be {self.computed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that is kept of a referral's rewards; `entries` are the sums of the accounts, by reward."""

    referral_id: UserId
    referrer_id: UserId
    program_id: ProgramId
    terms_version: TermsVersion
    terms: Terms
    facts: Facts
    events: Sequence[Event]
    rewards: Sequence[Reward]
    entries: Mapping[RewardId, Mapping[Account, int]]


def differences(case: Case, now: datetime) -> Iterator[Difference]:
    """Where a referral's standing, its rewards and their entries are not what terms, events and rewards make of them.

    Whether milestones are reached is not among it, which needs to know of other referrals. Once a program has ended, what was told since
    then is not looked at.
    """
    yield from _standing(case, now)
    yield from _rewards(case)
    yield from _as_promised(case)
    yield from _recovered(case)
    yield from _entries(case)


def _standing(case: Case, now: datetime) -> Iterator[Difference]:
    facts = case.facts
    computed = standing(case.terms.qualification, facts, case.events, now)
    is_qualified = facts.status == ReferralStatus.QUALIFIED
    if facts.is_over or is_qualified == (computed.status == ReferralStatus.QUALIFIED):
        return
    yield Difference(
        f"The status of the referral {case.referral_id}", facts.status, computed.status
    )


def _rewards(case: Case) -> Iterator[Difference]:
    facts = case.facts
    stored = Standing(facts.status, facts.qualified_at)
    worth = entitlement(case.terms, facts, stored, case.events)
    had = given(case.rewards)
    rejected = {(r.rule, r.shared) for r in case.rewards if r.status == RewardStatus.REJECTED}
    for purpose in {**worth, **had}:
        amount, deserved = had[purpose], worth.get(purpose, 0)
        is_short = amount < deserved
        if amount == deserved or (is_short and (facts.is_over or purpose in rejected)):
            continue
        rule, shared = purpose
        of_event = f" and the event {shared}" if shared else ""
        yield Difference(
            f"What the rule {rule}{of_event} gave for the referral {case.referral_id}",
            amount,
            deserved,
            case.referral_id,
            purpose if is_short and not amount else None,
        )


_PARTS = (
    *("program", "version of the terms", "unit", "side"),
    *("beneficiary", "milestone", "amount"),
)


def _as_promised(case: Case) -> Iterator[Difference]:
    """What a reward has of its referral and of its rule: all but how much of a share is left."""
    rules = {rule.rule: rule for rule in case.terms.rewards}
    for reward in case.rewards:
        rule = rules.get(reward.rule)
        if rule is None:
            yield Difference(f"The rule of the reward {reward.id}", reward.rule, "one of the terms")
            continue
        amount = abs(reward.amount)
        stored = (
            *(reward.program_id, reward.terms_version, reward.unit, reward.to),
            *(reward.beneficiary_id, reward.milestone, amount),
        )
        whose = case.referrer_id if rule.to == Side.REFERRER else case.referral_id
        promised = (
            *(case.program_id, case.terms_version, rule.unit, rule.to),
            *(whose, rule.at_qualified, rule.amount or amount),
        )
        if stored != promised:
            for part, there, right in zip(_PARTS, stored, promised, strict=True):
                if there != right:
                    yield Difference(f"The {part} of the reward {reward.id}", there, right)


def _recovered(case: Case) -> Iterator[Difference]:
    """Where more is to be recovered of a reward than was paid of it."""
    recoveries = [reward for reward in case.rewards if reward.recovers is not None]
    if not recoveries:
        return
    recovered: Counter[RewardId | None] = Counter()
    for reward in recoveries:
        recovered[reward.recovers] -= reward.amount
    paid = {r.id: r.amount for r in case.rewards if r.status == RewardStatus.PAID}
    for reward_id, amount in recovered.items():
        most = paid.get(reward_id, 0) if reward_id else 0
        if amount > most:
            yield Difference(f"What is to be recovered of the reward {reward_id}", amount, most)


def _entries(case: Case) -> Iterator[Difference]:
    for reward in case.rewards:
        held = holdings(reward)
        stored = case.entries.get(reward.id, {})
        if stored == held:
            continue
        for account in Account:
            if stored.get(account, 0) != held.get(account, 0):
                yield Difference(
                    f"The entries of the reward {reward.id} in the account {account}",
                    stored.get(account, 0),
                    held.get(account, 0),
                )
