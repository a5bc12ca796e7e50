"""A backtest tells what a program's history would have brought under other terms."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples import in_a_week
from fakes import FakeClock
from referral.application.rewards import backtest_terms as use_case
from referral.application.use_cases import UseCases
from referral.domain.access.caller import Caller
from referral.domain.access.errors import MissingScope
from referral.domain.accounts.errors import ParticipantNotFound
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import CodeNotUsable, ProgramNotFound
from referral.domain.programs.program import Slug
from referral.domain.rewards.errors import BacktestBusy, BacktestTooLarge, RefundExceedsEvent
from referral.domain.rewards.replay import Sum


def rule(name, to="referrer", unit="EUR", **gives):
    return {"rule": name, "to": to, "unit": unit, **gives}


PURCHASE = {"event": "purchase"}
THANKS = rule("thanks", amount=1000)
SHARE = rule("share", basis_points=1000)
GOLD = rule("gold", unit="points", amount=50, at_qualified=2)


@pytest.fixture
def backtest(backtest_terms):
    """What each rule gives today and by a draft, in the program `launch`."""

    async def backtest(terms, **more):
        found = await backtest_terms(slug="launch", terms=terms, **more)
        return {(c.rule, c.unit): (c.today, c.draft) for c in [*found.rules, *found.totals]}

    return backtest


@pytest.fixture
async def launched(launch, bring, buy, clock):
    """A day apart, Bob and Cleo are brought, and each buys twice."""
    code = await launch()
    for name in ("bob", "cleo"):
        clock.advance(days=1)
        await bring(name, code)
        await buy(name, 3000)
        clock.advance(seconds=1)
        await buy(name, 500)


@pytest.mark.usefixtures("launched")
async def test_a_draft_is_compared_with_todays_terms_by_rule_and_in_sum(backtest_terms):
    draft = {"qualification": PURCHASE, "rewards": [rule("thanks", amount=700), SHARE, GOLD]}

    found = await backtest_terms(slug="launch", terms=draft)

    assert (found.terms_version, found.referrals, found.events) == (1, 2, 4)
    assert [(c.rule, c.unit, c.today, c.draft, c.difference) for c in found.rules] == [
        ("thanks", "EUR", Sum(2, 2000), Sum(2, 1400), Sum(0, -600)),
        ("welcome", "EUR", Sum(2, 1000), Sum(), Sum(-2, -1000)),
        ("share", "EUR", Sum(), Sum(4, 700), Sum(4, 700)),
        ("gold", "points", Sum(), Sum(1, 50), Sum(1, 50)),
    ]
    assert [(c.rule, c.unit, c.today, c.draft) for c in found.totals] == [
        ("", "EUR", Sum(4, 3000), Sum(6, 2100)),
        ("", "points", Sum(), Sum(1, 50)),
    ]


@pytest.mark.usefixtures("launched")
async def test_nothing_is_written(backtest, store):
    before = store.read()

    await backtest({"rewards": [THANKS]})

    assert store.read() is before


@pytest.mark.usefixtures("launched")
async def test_sign_ups_are_rewarded_where_the_draft_says_so(backtest):
    found = await backtest({"rewards": [THANKS]})

    assert found["thanks", "EUR"] == (Sum(2, 2000), Sum(2, 2000))


@pytest.mark.parametrize(
    ("caps", "given"),
    [
        ({"referrer": {"rewards": 1}}, Sum(1, 1000)),
        ({"referrer": {"rewards": 1, "per_days": 1}}, Sum(2, 2000)),
        ({"referrer": {"rewards": 1, "per_days": 2}}, Sum(1, 1000)),
        ({"budget": [{"unit": "EUR", "amount": 1999}]}, Sum(1, 1000)),
        ({"budget": [{"unit": "EUR", "amount": 2000}]}, Sum(2, 2000)),
        ({"budget": [{"unit": "points", "amount": 1}]}, Sum(2, 2000)),
    ],
)
@pytest.mark.usefixtures("launched")
async def test_caps_and_budgets_leave_what_there_is_room_for(backtest, caps, given):
    found = await backtest({"qualification": PURCHASE, "rewards": [THANKS], "caps": caps})

    assert found["thanks", "EUR"][1] == given


@pytest.mark.usefixtures("launched")
async def test_all_rules_draw_on_one_budget(backtest):
    rewards = [rule("thanks", amount=400), rule("welcome", to="referee", amount=400)]
    caps = {"budget": [{"unit": "EUR", "amount": 1000}]}

    found = await backtest({"qualification": PURCHASE, "rewards": rewards, "caps": caps})

    assert found["", "EUR"][1] == Sum(2, 800)


@pytest.mark.usefixtures("launched")
async def test_a_share_draws_on_the_budget_when_its_event_is_told(backtest, buy, clock):
    clock.advance(days=1)
    await buy("bob", 20_000)
    budget = {"budget": [{"unit": "EUR", "amount": 2400}]}

    found = await backtest({"qualification": PURCHASE, "rewards": [SHARE], "caps": budget})

    assert found["share", "EUR"][1] == Sum(4, 700)  # nothing is left for the last, of 2000


@pytest.mark.usefixtures("launched")
async def test_each_referrer_has_a_cap_and_milestones_of_their_own(
    *, backtest, sign_up, issue_code, bring, buy, clock
):
    zoe = await sign_up("zoe")
    code = await issue_code(owner_id=zoe.id, expires_at=in_a_week(clock), program="launch")
    await bring("dan", code.text.value)
    await buy("dan")
    terms = {"qualification": PURCHASE, "caps": {"referrer": {"rewards": 1}}}

    found = await backtest({**terms, "rewards": [THANKS]})
    assert found["thanks", "EUR"][1] == Sum(2, 2000)

    found = await backtest({**terms, "rewards": [GOLD]})
    assert found["gold", "points"][1] == Sum(1, 50)


@pytest.mark.usefixtures("launched")
async def test_what_is_taken_back_makes_room_and_loses_its_milestone(
    *, backtest, refund, bring, buy, store, clock
):
    await refund("order-1")
    await refund("order-2")
    [code] = store.read().codes.values()
    clock.advance(seconds=1)
    await bring("dan", code.text.value)
    await buy("dan")
    caps = {"referrer": {"rewards": 4}, "budget": [{"unit": "EUR", "amount": 3000}]}

    found = await backtest({"qualification": PURCHASE, "rewards": [THANKS, GOLD], "caps": caps})

    assert found["thanks", "EUR"][1] == Sum(2, 2000)
    assert found["gold", "points"][1] == Sum(1, 50)


@pytest.mark.usefixtures("launched")
async def test_what_was_refused_is_not_taken_back(backtest, refund):
    await refund("order-3")
    await refund("order-4")
    budget = {"budget": [{"unit": "EUR", "amount": 1000}]}

    found = await backtest({"qualification": PURCHASE, "rewards": [THANKS], "caps": budget})

    assert found["thanks", "EUR"][1] == Sum(1, 1000)


@pytest.mark.usefixtures("launched")
async def test_a_share_shrinks_and_an_earlier_milestone_stays(backtest, refund):
    await refund("order-1", 1000)
    await refund("order-3")
    await refund("order-4")
    share = rule("share", to="referee", basis_points=1000)
    rewards = [share, GOLD, rule("silver", unit="points", amount=20, at_qualified=1)]

    found = await backtest({"qualification": PURCHASE, "rewards": rewards})

    assert found["share", "EUR"][1] == Sum(2, 250)
    assert found["silver", "points"][1] == Sum(1, 20)
    assert found["gold", "points"][1] == Sum()


@pytest.mark.usefixtures("launched")
async def test_a_share_that_comes_to_nothing_is_no_reward(backtest):
    tiny = rule("share", basis_points=10)

    found = await backtest({"qualification": PURCHASE, "rewards": [tiny]})

    assert found["share", "EUR"][1] == Sum(2, 6)


@pytest.mark.usefixtures("launched")
async def test_only_those_are_looked_at_who_were_referred_in_time(backtest, store):
    first, second = (referral.created_at for referral in store.read().referrals)
    draft = {"rewards": [THANKS]}

    assert (await backtest(draft, since=second))["thanks", "EUR"] == (Sum(1, 1000), Sum(1, 1000))
    assert (await backtest(draft, until=second))["thanks", "EUR"] == (Sum(1, 1000), Sum(1, 1000))
    assert (await backtest(draft, until=first))["thanks", "EUR"] == (Sum(), Sum())


async def test_rejected_referrals_bring_nothing(backtest, launch, bring):
    code = await launch(review={"velocity": {"sign_ups": 1, "within_hours": 1, "then": "reject"}})
    await bring("bob", code)

    found = await backtest({"rewards": [THANKS]})

    assert found["thanks", "EUR"] == (Sum(), Sum())


async def test_what_was_told_after_the_program_had_ended_brings_nothing_in_either(
    *, backtest, launch, bring, buy, refund, change_program, clock, verify_ledger
):
    terms = {"qualification": PURCHASE, "rewards": [{**SHARE, "times": 1}]}
    await bring("bob", await launch(**terms))
    await buy("bob", 5000)
    await change_program(slug="launch", status="ended")
    await buy("bob", 100, occurred_at=clock.now() - timedelta(minutes=1))
    await refund("order-1", 10)

    found = await backtest({**terms, "rewards": [SHARE]})

    assert found["share", "EUR"] == (Sum(1, 499), Sum(1, 499))
    assert [d async for verified in verify_ledger() for d in verified.differences] == []


@pytest.mark.usefixtures("launched")
async def test_progress_is_told_share_by_share(backtest, monkeypatch):
    monkeypatch.setattr(use_case, "AT_A_TIME", 1)
    seen = []

    await backtest({}, progress=lambda *progress: seen.append(progress))

    assert seen == [(3, 6), (6, 6)]


@pytest.mark.usefixtures("launched")
async def test_others_have_their_turn_meanwhile(backtest, monkeypatch):
    monkeypatch.setattr(use_case, "BITE", 1)
    turns = 0

    async def another():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(another())
    await backtest({"rewards": [THANKS], "caps": {"referrer": {"rewards": 9}}})
    other.cancel()

    assert turns >= 4  # two referrals by today's terms, two sign-ups by the draft


@pytest.mark.usefixtures("launched")
async def test_what_is_too_much_for_a_brief_one_is_refused_and_the_command_is_named(
    backtest, monkeypatch
):
    monkeypatch.setattr(use_case, "MOST_BRIEFLY", 6)
    await backtest({}, briefly=True)
    monkeypatch.setattr(use_case, "MOST_BRIEFLY", 5)
    with pytest.raises(BacktestTooLarge, match="referral program backtest"):
        await backtest({}, briefly=True)
    await backtest({})


@pytest.mark.usefixtures("launched")
async def test_what_takes_too_long_for_a_brief_one_is_refused_and_the_next_one_is_not_in_its_way(
    backtest, monkeypatch
):
    with monkeypatch.context() as patched:
        patched.setattr(use_case, "MOST_SECONDS", 0)
        patched.setattr(use_case, "BITE", 0)
        with pytest.raises(BacktestTooLarge):
            await backtest({}, briefly=True)
    await backtest({}, briefly=True)


@pytest.fixture
def seconds(monkeypatch):
    """Give a brief one so many to wait and to work; one that has none works if it never has to let others on."""

    def seconds(*, to_wait, to_work):
        monkeypatch.setattr(use_case, "MOST_WAITING_SECONDS", to_wait, raising=False)
        monkeypatch.setattr(use_case, "MOST_SECONDS", to_work)

    return seconds


@pytest.fixture
def behind_another(backtest_terms):
    """What comes of something that is begun during another backtest, which ends some turns of the loop later."""

    async def behind_another(begun):
        async with backtest_terms._turn:
            task = asyncio.create_task(begun)
            for _ in range(5):
                await asyncio.sleep(0)
        async with asyncio.timeout(5):
            return await task

    return behind_another


@pytest.mark.usefixtures("launched")
async def test_the_time_that_a_brief_one_waits_for_its_turn_is_not_its_own(
    backtest, behind_another, seconds
):
    seconds(to_wait=5, to_work=0)

    found = await behind_another(backtest({"rewards": [THANKS]}, briefly=True))

    assert found["thanks", "EUR"] == (Sum(2, 2000), Sum(2, 2000))


@pytest.mark.usefixtures("launched")
async def test_a_brief_one_that_waits_too_long_is_refused_for_a_while_and_another_waits(
    backtest, behind_another, seconds
):
    seconds(to_wait=0, to_work=5)

    with pytest.raises(BacktestBusy) as refused:
        await behind_another(backtest({}, briefly=True))
    await behind_another(backtest({}))
    await backtest({}, briefly=True)

    assert refused.value.retry_after == 1


@pytest.mark.usefixtures("launched")
async def test_everything_that_is_wrong_is_told_with_its_place(backtest):
    with pytest.raises(InvalidInput) as refused:
        await backtest(
            {"hold_days": -1, "rewards": [{"rule": "thanks"}]}, since="2030-02-01", until="soon"
        )
    with pytest.raises(InvalidInput) as empty:
        await backtest({}, since="2030-02-01T00:00Z", until="2030-02-01T00:00Z")

    assert {v.field for v in refused.value.violations} >= {
        *("to", "terms/hold_days"),
        *("terms/rewards/0/to", "terms/rewards/0/unit"),
    }
    assert [v.field for v in empty.value.violations] == ["to"]


async def test_there_has_to_be_such_a_program(backtest):
    with pytest.raises(ProgramNotFound):
        await backtest({})


async def test_whoever_compares_terms_needs_the_scope(backtest):
    with pytest.raises(MissingScope, match="rewards:read"):
        await backtest({}, caller=Caller(user_id=None))


# The truth: what was recorded under terms is what these terms give for the same history.

QUALIFICATIONS = [
    {"event": "signed_up"},
    PURCHASE,
    {**PURCHASE, "count": 2},
    {**PURCHASE, "min_amount": 60, "unit": "EUR", "within_days": 5},
]
RULES = [
    rule("welcome", to="referee", amount=30),
    THANKS | {"amount": 40},
    rule("second", amount=7, at_qualified=2),
    rule("third", unit="points", amount=9, at_qualified=3),
]
SHARES = [
    rule("share", basis_points=1500),
    rule("few", to="referee", basis_points=2500, times=2, max_amount=20),
    rule("first", basis_points=2000, times=1),
]
CAPS = [
    {},
    {"referrer": {"rewards": 3}},
    {"referrer": {"rewards": 2, "per_days": 4}},
    {"budget": [{"unit": "EUR", "amount": 150}]},
    {"budget": [{"unit": "points", "amount": 9}], "referrer": {"rewards": 4, "per_days": 9}},
]


@st.composite
def any_terms(draw):
    qualification = draw(st.sampled_from(QUALIFICATIONS))
    known = RULES if qualification["event"] == "signed_up" else RULES + SHARES
    return {
        "qualification": qualification,
        "rewards": draw(st.lists(st.sampled_from(known), unique_by=lambda r: r["rule"])),
        "caps": draw(st.sampled_from(CAPS)),
    }


purchases = st.tuples(
    st.just("buy"),
    st.integers(0, 5),
    st.sampled_from([0, 20, 59, 60, 100]),
    st.integers(0, 6),
    st.sampled_from(["purchase", "purchase", "purchase", "visit"]),
)
refunds = st.tuples(st.just("refund"), st.integers(0, 9), st.sampled_from([None, 1, 41]))
others = st.tuples(st.just("wait"), st.integers(1, 3)) | st.tuples(
    st.just("erase"), st.integers(0, 1)
)
deeds = st.lists(
    st.tuples(st.just("bring"), st.integers(0, 1)) | purchases | purchases | refunds | others,
    max_size=25,
)


@dataclass(repr=False)
class Story:
    """A program with a name of its own, in which people do what is drawn."""

    name: str
    use: UseCases
    clock: FakeClock
    codes: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    deeds: int = 0

    async def begin(self, terms):
        await self.use.programs.create_program(slug=self.name, name="A story", terms=terms)
        await self.use.programs.change_program(slug=self.name, status="active")
        for n in range(2):
            await self.use.accounts.enrol_participant(external_id=f"{self.name}-referrer-{n}")
            code = await self.use.programs.issue_participant_code(
                participant=f"{self.name}-referrer-{n}",
                expires_at=self.clock.now() + timedelta(days=300),
                program=self.name,
            )
            self.codes.append(code.text.value)

    async def go_on(self, deed, *details):
        self.deeds += 1
        self.clock.advance(seconds=1)
        with suppress(CodeNotUsable, RefundExceedsEvent, ParticipantNotFound):
            await getattr(self, deed)(*details)

    async def bring(self, referrer):
        name = f"{self.name}-{self.deeds}"
        await self.use.accounts.enrol_participant(external_id=name)
        await self.use.programs.refer_participant(code=self.codes[referrer], participant=name)
        self.people.append(name)

    async def buy(self, person, amount, days_ago, kind):
        for name in self.people[person : person + 1]:
            order = f"{self.name}-{self.deeds}"
            await self.use.rewards.record_event(
                id=order,
                type=kind,
                participant=name,
                amount=amount,
                unit="EUR",
                occurred_at=self.clock.now() - timedelta(days=days_ago),
            )
            self.orders.append(order)

    async def refund(self, order, amount):
        for of in self.orders[order : order + 1]:
            await self.use.rewards.record_event(
                id=f"{self.name}-{self.deeds}",
                type="refund",
                of=of,
                amount=amount,
                unit=amount and "EUR",
            )

    async def wait(self, days):
        self.clock.advance(days=days)
        await self.use.programs.expire_referrals()

    async def erase(self, referrer):
        await self.use.accounts.erase_participant(participant=f"{self.name}-referrer-{referrer}")


@pytest.fixture
def a_story(use_cases, clock):
    numbers = count()
    return lambda: Story(f"story-{next(numbers)}", use_cases, clock)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(terms=any_terms(), deeds=deeds)
async def test_terms_that_were_in_force_give_exactly_what_was_recorded(
    a_story, store, terms, deeds
):
    story = a_story()
    await story.begin(terms)
    for deed in deeds:
        await story.go_on(*deed)

    found = await story.use.rewards.backtest_terms(slug=story.name, terms=terms)

    program = store.read().programs[Slug(story.name)].id
    recorded = {}
    for reward in store.read().rewards.values():
        if reward.program_id == program and reward.status.counts:
            recorded[reward.rule] = recorded.get(reward.rule, Sum()) + Sum(1, reward.amount)
    given = {c.rule: c.draft for c in found.rules if c.draft.rewards}
    assert given == recorded
    assert all(c.today == c.draft for c in found.rules)
