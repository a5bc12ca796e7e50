"""What people are to get, worked out once more and in another way than the service does it: one thing after another."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

UNPAID = ("pending", "held", "approved")


@dataclass(eq=False)
class Person:
    name: str
    gone: bool = False


@dataclass(eq=False)
class Bought:
    id: str
    at: datetime
    amount: int | None
    left: int | None


@dataclass(eq=False)
class Brought:
    """A referral."""

    owner: Person
    person: Person
    terms: dict
    since: datetime
    status: str = "signed_up"
    held: bool = False
    bought: list[Bought] = field(default_factory=list)

    @property
    def deadline(self):
        days = self.terms["qualification"].get("within_days")
        return days and self.since + timedelta(days)

    def is_enough(self, bought, amount):
        """Whether an event of this amount counts, whenever it occurred before the deadline."""
        least = self.terms["qualification"].get("min_amount")
        enough = least is None if amount is None else amount >= (least or 1)
        return enough and bought.at >= self.since - timedelta(minutes=5)

    def stand(self, now):
        asked = self.terms["qualification"]
        if self.status == "rejected" or asked["event"] == "signed_up":
            return
        in_time = [b for b in self.bought if not self.deadline or b.at <= self.deadline]
        counting = [b for b in in_time if self.is_enough(b, b.left)]
        if len(counting) >= asked.get("count", 1):
            self.status = "qualified"
        else:
            self.status = "expired" if self.deadline and self.deadline < now else "signed_up"

    def worth(self):
        """By rule, and by event where it is shared in."""
        worth = {}
        for rule in self.terms["rewards"] if self.status == "qualified" else ():
            if "basis_points" in rule:
                shared = [b for b in self.bought if b.amount and self.is_enough(b, b.amount)]
                for b in sorted(shared, key=lambda b: (b.at, b.id))[: rule["times"]]:
                    full = min(b.amount * rule["basis_points"] // 10_000, rule["max_amount"])
                    worth[rule["rule"], b] = full * b.left // b.amount
            elif "at_qualified" not in rule:
                worth[rule["rule"], None] = rule["amount"]
        return worth


@dataclass(eq=False)
class Given:
    """A reward."""

    brought: Brought
    rule: dict
    amount: int
    status: str
    at: datetime
    shared: Bought | None = None
    recovers: "Given | None" = None

    @property
    def counts(self):
        return self.status not in {"rejected", "reversed"}

    @property
    def to(self):
        return self.brought.owner if self.rule["to"] == "referrer" else self.brought.person

    @property
    def purpose(self):
        return self.rule["rule"], self.shared

    @property
    def is_milestone(self):
        return "at_qualified" in self.rule


class Expected:
    """Everything that was brought and given."""

    def __init__(self):
        self.brought: list[Brought] = []
        self.given: list[Given] = []  # in the order in which they were made

    def of(self, brought):
        return [g for g in self.given if g.brought is brought]

    def bring(self, owner, person, terms, now):
        brought = Brought(owner, person, terms, now)
        self.brought.append(brought)
        doubt = terms["review"].get("velocity")
        if doubt and doubt["then"] == "reject":
            brought.status = "rejected"
            return brought
        brought.held = doubt is not None
        if terms["qualification"]["event"] == "signed_up":
            brought.status = "qualified"
            self.give(brought, [(rule, rule["amount"], None) for rule in terms["rewards"]], now)
        return brought

    def buy(self, brought, bought, now):
        brought.bought.append(bought)
        self.look_again(brought, now, bought)

    def look_again(self, brought, now, bought=None):
        """After something was bought, or refunded."""
        was_qualified = brought.status == "qualified"
        brought.stand(now)
        worth, had, before = brought.worth(), self.had(brought), self.of(brought)
        never = {g.purpose for g in before if g.status == "rejected"}
        self.take_back(before, worth, now)
        if bought and brought.status == "qualified":
            claims = []
            for rule in brought.terms["rewards"]:
                if "at_qualified" in rule and not was_qualified:
                    claims.append((rule, rule["amount"], None))
                for purpose, amount in worth.items():
                    is_due = not was_qualified or purpose[1] is bought
                    if purpose[0] == rule["rule"] and is_due and purpose not in never:
                        claims.append((rule, amount - had[purpose], purpose[1]))
            self.give(brought, claims, now)
        if was_qualified and brought.status != "qualified":
            self.lose_milestones(brought.owner, now)

    def had(self, brought):
        had = Counter()
        for g in self.of(brought):
            if g.counts and not g.is_milestone:
                had[g.purpose] += g.amount
        return had

    def qualified(self, owner):
        return sum(b.owner is owner and b.status == "qualified" for b in self.brought)

    def give(self, brought, claims, now):
        terms = brought.terms
        cap = terms["caps"].get("referrer", {"rewards": 10**9})
        since = now - timedelta(cap.get("per_days", 10**5))
        [budget] = terms["caps"].get("budget", [{"amount": 10**9}])
        for rule, amount, shared in claims:
            if amount <= 0:
                continue
            if rule["to"] == "referrer":
                capped = [
                    g
                    for g in self.given
                    if self.kept(g)
                    and g.rule["to"] == "referrer"
                    and g.at > since
                    and g.to is brought.owner
                ]
                if brought.owner.gone or len(capped) >= cap["rewards"]:
                    continue
            spent = sum(
                g.amount for g in self.given if g.counts and "budget" in g.brought.terms["caps"]
            )
            if spent + amount > budget["amount"]:
                continue
            if rule.get("at_qualified", n := self.qualified(brought.owner)) != n:
                continue
            status = "held" if brought.held else "pending" if terms["hold_days"] else "approved"
            self.given.append(Given(brought, rule, amount, status, now, shared))

    def kept(self, given):
        if not given.counts or given.recovers:
            return 0
        return given.amount + sum(g.amount for g in self.given if g.recovers is given and g.counts)

    def take_back(self, given, worth, now):
        had = Counter()
        for g in given:
            if g.counts and not g.is_milestone:
                had[g.purpose] += g.amount
        for g in sorted(given, key=lambda g: (g.status == "paid", g.at)):
            too_much = min(had[g.purpose] - worth.get(g.purpose, 0), self.kept(g))
            if not g.is_milestone and too_much > 0:
                had[g.purpose] -= too_much
                self.take(g, too_much, now)

    def lose_milestones(self, owner, now):
        for g in [g for g in self.given if g.is_milestone and g.to is owner]:
            if g.rule["at_qualified"] > self.qualified(owner) and self.kept(g):
                self.take(g, self.kept(g), now)

    def take(self, given, amount, now):
        if given.status == "paid":
            self.given.append(
                Given(given.brought, given.rule, -amount, "approved", now, given.shared, given)
            )
        elif amount == given.amount:
            given.status = "reversed"
        else:
            given.amount -= amount

    def release(self, brought):
        brought.held = False
        for g in self.of(brought):
            if g.status == "held":
                g.status = "pending"

    def reject(self, brought, now):
        was_qualified, brought.status, brought.held = (
            brought.status == "qualified",
            "rejected",
            False,
        )
        rest = [g for g in self.of(brought) if g.status != "held"]
        for g in self.of(brought):
            if g.status == "held" and not g.is_milestone:
                g.status = "rejected"
        self.take_back(rest, {}, now)
        if was_qualified:
            self.lose_milestones(brought.owner, now)
        self.release(brought)

    def pass_time(self, now):
        for g in self.given:
            if g.status == "pending" and g.at + timedelta(g.brought.terms["hold_days"]) <= now:
                g.status = "approved"
        for brought in self.brought:
            if brought.status == "signed_up":
                brought.stand(now)

    def payable(self, person):
        return [g for g in self.given if g.to is person and g.status == "approved"]

    def balance(self, person):
        """Pending, available, paid, recoverable; None for someone who never got anything."""
        sums = dict.fromkeys(("pending", "available", "paid", "recoverable"), 0)
        mine = [g for g in self.given if g.to is person]
        for g in mine:
            if g.status == "approved":
                sums["recoverable" if g.amount < 0 else "available"] += abs(g.amount)
            elif g.counts:
                sums["paid" if g.status == "paid" else "pending"] += g.amount
        return tuple(sums.values()) if mine else None
