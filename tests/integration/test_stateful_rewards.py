"""Whatever a shop tells and decides, one thing after another, on PostgreSQL: a second reckoning of another kind foretells
every reward and balance, and the ledger proves itself after each step.
"""

import asyncio
import itertools
import os
from collections import Counter
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from databases import execute
from expected_rewards import Bought, Expected, Person
from foreseeable import Foreseeable
from referral.domain.accounts.errors import ParticipantNotFound
from referral.domain.programs.errors import ReferralNotHeld
from referral.domain.rewards.errors import (
    EventDiffers,
    NothingToPay,
    PayoutDiffers,
    RefundExceedsEvent,
    RewardIsSettled,
)

QUICK = settings(max_examples=6, stateful_step_count=40)
EUR = {"unit": "EUR"}
PURCHASE = {"event": "purchase"}
RULES = [
    {"rule": "thanks", "to": "referrer", "amount": 1000, **EUR},
    {"rule": "welcome", "to": "referee", "amount": 500, **EUR},
    {"rule": "gold", "to": "referrer", "amount": 700, "at_qualified": 2, **EUR},
    {
        "rule": "share",
        "to": "referrer",
        "basis_points": 3333,
        "max_amount": 900,
        "times": 2,
        **EUR,
    },
]
ONE_AN_HOUR = {"sign_ups": 1, "within_hours": 1}


def without_shares_of_sign_ups(terms):
    if terms["qualification"] == {"event": "signed_up"}:
        return {**terms, "rewards": [r for r in terms["rewards"] if "basis_points" not in r]}
    return terms


all_terms = st.fixed_dictionaries(
    {
        "qualification": st.sampled_from(
            [
                {**PURCHASE, "min_amount": 2000, **EUR},
                PURCHASE,
                {**PURCHASE, "count": 2},
                {**PURCHASE, "within_days": 5},
                {**PURCHASE, "within_days": 2, "min_amount": 2000, **EUR},
                {"event": "signed_up"},
            ]
        ),
        "rewards": st.sets(st.sampled_from(range(4)), min_size=1).map(
            lambda chosen: [RULES[n] for n in sorted(chosen)]
        ),
        "hold_days": st.sampled_from([0, 3]),
        "caps": st.sampled_from(
            [
                {},
                {"referrer": {"rewards": 2}},
                {"referrer": {"rewards": 1, "per_days": 4}},
                {"budget": [{"amount": 2500, **EUR}]},
            ]
        ),
        "review": st.sampled_from(["allow", "allow", "allow", "hold", "reject"]).map(
            lambda then: {} if then == "allow" else {"velocity": {**ONE_AN_HOUR, "then": then}}
        ),
    }
).map(without_shares_of_sign_ups)


numbers = st.integers(0, 99)
amounts = st.sampled_from([2500, 2000, 10_000, 1999, 1])


def picked(things, number):
    """One of them; the newest by the smallest number."""
    return things[-1 - number % len(things)]


class Shop(RuleBasedStateMachine):
    def __init__(self, run, url):
        super().__init__()
        execute(
            url, "TRUNCATE users, programs, payouts, balances, budgets RESTART IDENTITY CASCADE"
        )
        self.run = run
        known = Foreseeable(url)
        self.clock, self.database, self.referral = known.time, known.database, known.use_cases
        run(self.database.__aenter__())
        self.expected = Expected()
        self.people, self.owners, self.orders, self.payouts = [], [], [], []
        self.numbers = itertools.count(1)
        self.verified = None

    def teardown(self):
        self.run(self.database.__aexit__())

    def ends_as_expected(self, attempt, *refusals):
        """Whether it is done; it is refused exactly if there is a reason."""
        try:
            self.result = self.run(attempt)
        except refusals:
            return False
        assert not refusals
        return True

    @initialize(terms=all_terms)
    def launch(self, terms):
        programs = self.referral.programs
        self.terms = terms
        self.run(programs.create_program(slug="launch", name="Launch", terms=terms))
        self.run(programs.change_program(slug="launch", status="active"))
        for _ in range(2):
            self.owners.append(self.new_owner())
            for _ in range(2):
                self.bring_somebody(self.owners[-1], 10_000)

    def enrol(self):
        name = f"customer-{next(self.numbers)}"
        self.run(self.referral.accounts.enrol_participant(external_id=name))
        self.people.append(Person(name))
        return self.people[-1]

    def new_owner(self):
        owner = self.enrol()
        issued = self.referral.programs.issue_participant_code(
            participant=owner.name,
            expires_at=self.clock.now() + timedelta(days=3000),
            program="launch",
        )
        owner.code = self.run(issued).text.value
        return owner

    @rule(number=numbers, terms=st.none() | all_terms, amount=st.none() | amounts)
    def bring(self, number, terms, amount):
        """Somebody new, under new terms or those that are there, who buys something or not."""
        if terms:
            self.terms = terms
            self.run(self.referral.programs.add_terms(slug="launch", terms=terms))
        if self.owners[number % 2].gone:
            self.owners[number % 2] = self.new_owner()
        self.bring_somebody(self.owners[number % 2], amount)

    def bring_somebody(self, owner, amount):
        person = self.enrol()
        named, is_new = self.run(
            self.referral.programs.refer_participant(code=owner.code, participant=person.name)
        )
        assert is_new
        brought = self.expected.bring(owner, person, self.terms, self.clock.now())
        brought.id = named.referral.referee_id
        if amount:
            self.buy_as(brought, amount, 0)

    @rule(number=numbers, amount=st.none() | amounts, days_ago=st.sampled_from([0, 0, 1, 4]))
    def buy(self, number, amount, days_ago):
        self.buy_as(picked(self.expected.brought, number), amount, days_ago)

    def buy_as(self, brought, amount, days_ago):
        at = self.clock.now() - timedelta(days=days_ago)
        order = Bought(f"order-{next(self.numbers):04}", at, amount, amount)
        order.brought = brought
        order.told = {
            "id": order.id,
            "type": "purchase",
            "participant": brought.person.name,
            "occurred_at": at,
            **({} if amount is None else {"amount": amount, **EUR}),
        }
        gone = [ParticipantNotFound] if brought.person.gone else []
        if self.ends_as_expected(self.referral.rewards.record_event(**order.told), *gone):
            self.orders.append(order)
            self.expected.buy(brought, order, self.clock.now())

    @rule(number=numbers, is_other=st.booleans())
    def tell_an_order_again(self, number, is_other):
        order = picked(self.orders, number)
        told = {**order.told, **({"metadata": {"is": "other"}} if is_other else {})}
        refusals = [EventDiffers] if is_other else []
        if self.ends_as_expected(self.referral.rewards.record_event(**told), *refusals):
            assert self.result[1] is False

    @rule(number=numbers, amount=st.sampled_from([None, None, 1, 500, 2000]), again=st.booleans())
    def refund(self, number, amount, again):
        paid = {g.brought for g in self.expected.given if g.status == "paid"}
        order = picked([o for o in self.orders if o.brought in paid] or self.orders, number)
        told = {
            "id": f"refund-{next(self.numbers)}",
            "type": "refund",
            "of": order.id,
            **({} if amount is None else {"amount": amount, **EUR}),
        }
        too_much = not order.left or (amount or 0) > order.left
        refusals = [RefundExceedsEvent] if too_much else []
        if self.ends_as_expected(self.referral.rewards.record_event(**told), *refusals):
            order.left -= amount or order.left
            self.expected.look_again(order.brought, self.clock.now())
            if again:
                assert self.ends_as_expected(self.referral.rewards.record_event(**told))
                assert self.result[1] is False

    @precondition(lambda self: self.expected.given)
    @rule(number=numbers, verdict=st.sampled_from(["approve", "hold", "reject"]))
    def decide_about_a_reward(self, number, verdict):
        number = number % len(self.ids)
        given = self.expected.given[number]
        becomes = {"approve": "approved", "hold": "held", "reject": "rejected"}[verdict]
        if verdict == "approve" and given.status == "held":
            becomes = "pending"
        settled = given.recovers or given.status in {"paid", "rejected", "reversed"}
        is_settled = settled and given.status != becomes
        attempt = self.referral.rewards.decide_reward(
            reward_id=self.ids[number], verdict=verdict, reason="Looked."
        )
        if self.ends_as_expected(attempt, *([RewardIsSettled] if is_settled else [])):
            given.status = becomes

    @rule(number=numbers, verdict=st.sampled_from(["release", "reject"]))
    def decide_about_a_referral(self, number, verdict):
        held = [brought for brought in self.expected.brought if brought.held]
        brought = picked(held or self.expected.brought, number)
        attempt = self.referral.rewards.decide_review(
            referral_id=brought.id, verdict=verdict, reason="Looked."
        )
        if self.ends_as_expected(attempt, *([] if held else [ReferralNotHeld])):
            if verdict == "release":
                self.expected.release(brought)
            else:
                self.expected.reject(brought, self.clock.now())

    @rule(number=numbers)
    def pay_somebody(self, number):
        paid = {g.to: g for g in self.expected.given if g.status == "approved"}
        person = picked([*paid] or self.people, number)
        payable = self.expected.payable(person)
        refusals = [] if sum(g.amount for g in payable) > 0 else [NothingToPay]
        if person.gone:
            refusals = [ParticipantNotFound]
        self.pay(payable, refusals, participant=person.name)

    @precondition(lambda self: self.expected.given)
    @rule(some=st.sets(numbers, min_size=1, max_size=3), are_approved=st.booleans())
    def pay_some_rewards(self, some, are_approved):
        given = self.expected.given
        approved = [n for n, g in enumerate(given) if g.status == "approved" and are_approved]
        chosen = sorted({picked(approved or range(len(given)), number) for number in some})
        wanted = [self.expected.given[number] for number in chosen]
        refusals = []
        owed = [sum(g.amount for g in wanted if g.to is one.to) for one in wanted]
        if min(owed) <= 0:
            refusals = [NothingToPay]
        elif any(g.status != "approved" for g in wanted):
            refusals = [RewardIsSettled]
        self.pay(wanted, refusals, rewards=[self.ids[number] for number in chosen])

    def pay(self, given, refusals, **asked):
        asked |= {"reference": f"payout-{next(self.numbers)}", **EUR}
        if self.ends_as_expected(self.referral.rewards.make_payout(**asked), *refusals):
            payout, is_new = self.result
            assert (payout.amount, is_new) == (sum(g.amount for g in given), True)
            for g in given:
                g.status = "paid"
            self.payouts.append(asked)

    @precondition(lambda self: self.payouts)
    @rule(number=numbers)
    def pay_with_a_reference_again(self, number):
        asked = picked(self.payouts, number)
        assert self.ends_as_expected(self.referral.rewards.make_payout(**asked))
        assert self.result[1] is False
        other = {"reference": asked["reference"], "participant": "somebody-else", **EUR}
        assert not self.ends_as_expected(self.referral.rewards.make_payout(**other), PayoutDiffers)

    @rule(days=st.sampled_from([1, 3, 6]), do_what_is_due=st.booleans())
    def let_time_pass(self, days, do_what_is_due):
        self.clock.advance(days=days)
        if do_what_is_due:
            self.run(self.referral.rewards.approve_due_rewards())
            self.run(self.referral.programs.expire_referrals())
            self.expected.pass_time(self.clock.now())

    @rule(number=numbers)
    def erase_somebody(self, number):
        person = picked(self.people, number)
        gone = [ParticipantNotFound] if person.gone else []
        attempt = self.referral.accounts.erase_participant(participant=person.name)
        self.ends_as_expected(attempt, *gone)
        person.gone = True

    def rows(self, sql):
        async def fetch():
            async with self.database.connection() as held:
                return await held.connection.fetch(sql)

        return [tuple(row) for row in self.run(fetch())]

    @invariant()
    def every_reward_is_as_expected(self):
        found = self.rows(
            "SELECT id, rule, side, amount, status, recovers IS NOT NULL FROM rewards ORDER BY id"
        )
        self.ids = [row[0] for row in found]
        assert [row[1:] for row in found] == [
            (g.rule["rule"], g.rule["to"], g.amount, g.status, g.recovers is not None)
            for g in self.expected.given
        ]

    @invariant()
    def every_referral_stands_as_expected(self):
        found = self.rows("SELECT referee_id, status, held_reasons <> '{}' FROM referrals")
        assert Counter(found) == Counter((b.id, b.status, b.held) for b in self.expected.brought)

    @invariant()
    def everybody_has_the_balance_that_is_expected(self):
        for person in self.people:
            if not person.gone:
                balances = self.run(self.referral.rewards.show_balance(participant=person.name))
                expected = self.expected.balance(person)
                assert [tuple(b) for b in balances] == ([("EUR", *expected)] if expected else [])

    @invariant()
    def the_ledger_proves_itself(self):
        async def verify():
            return [d async for v in self.referral.rewards.verify_ledger() for d in v.differences]

        known = self.rows("SELECT count(*), (SELECT count(*) FROM ledger_entries) FROM decisions")
        if known != self.verified:
            assert [str(difference) for difference in self.run(verify())] == []
            self.verified = known


def test_whatever_a_shop_tells_and_decides_everybody_gets_what_is_right(module_database_url):
    is_long = "HYPOTHESIS_PROFILE" in os.environ
    with asyncio.Runner() as runner:
        run_state_machine_as_test(
            lambda: Shop(runner.run, module_database_url),
            settings=settings() if is_long else QUICK,
        )
