"""What is wrong with the ledger: rewards against terms and events, and entries against rewards."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from referral.domain.accounts.user import UserId
from referral.domain.programs.referral import ReferralStatus
from referral.domain.programs.terms import Terms
from referral.domain.rewards.entitlement import entitlement
from referral.domain.rewards.event import Event
from referral.domain.rewards.ledger import Account, holdings
from referral.domain.rewards.qualification import Facts, Standing, standing
from referral.domain.rewards.reward import Reward, RewardId, RewardStatus
from referral.domain.rewards.taking_back import given


@dataclass(frozen=True, slots=True)
class Difference:
    """What is stored of something, and what it has to be.

    `short` names the rule that gave less than it says: a cap may have refused the rest.
    """

    of: str
    stored: object
    computed: object
    referral_id: UserId | None = None
    short: str = ""

    def __str__(self) -> str:
        return f"{self.of}: {self.stored} is stored, and it has to be {self.computed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that is kept of a referral's rewards; `entries` are the sums of the accounts, by reward."""

    referral_id: UserId
    terms: Terms
    facts: Facts
    events: Sequence[Event]
    rewards: Sequence[Reward]
    entries: Mapping[RewardId, Mapping[Account, int]]


def differences(case: Case, now: datetime) -> Iterator[Difference]:
    """Where a referral's standing, its rewards and their entries are not what terms, events and rewards make of them.

    Milestones are not among it, which need to know of other referrals. Once a program has ended, what was told since
    then is not looked at.
    """
    yield from _standing(case, now)
    yield from _rewards(case)
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
            rule if is_short else "",
        )


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
