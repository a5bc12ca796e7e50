"""What the terms of a program may say; `tests/hostile/corpora/terms.jsonl` has more that they may not."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral.domain.errors import InvalidInput
from referral.domain.programs.plain_data import MOST_NAMED
from referral.domain.programs.reward_rules import (
    OWN_NAMES,
    Budget,
    Caps,
    ReferrerCap,
    RewardRule,
    Side,
)
from referral.domain.programs.term_values import MOST_AMOUNT
from referral.domain.programs.terms import (
    Burst,
    CodeRules,
    Qualification,
    Review,
    Terms,
    Verdict,
)
from referral.domain.rewards.decision import QUALIFICATION, REFERRAL, REVIEW
from referral.entrypoints.http.openapi.terms import EXAMPLE

PURCHASE = {"event": "purchase"}
SHARE = {"rule": "share", "to": "referrer", "basis_points": 500, "unit": "EUR"}
FIXED = {"rule": "thanks", "to": "referrer", "amount": 1000, "unit": "EUR"}


def wrong(raw) -> dict[str, list[str]]:
    """What is told of each place in these terms."""
    with pytest.raises(InvalidInput) as refusal:
        Terms.parse(raw)
    told: dict[str, list[str]] = {}
    for violation in refusal.value.violations:
        told.setdefault(violation.field, []).append(violation.detail)
    return told


def test_everything_that_terms_can_say_is_understood():
    assert Terms.parse(EXAMPLE) == Terms(
        code=CodeRules(max_lifetime_days=3650, reserved=("ADMIN", "SUPPORT")),
        qualification=Qualification(event="purchase", min_amount=2000, unit="EUR", within_days=90),
        rewards=(
            RewardRule(rule="thanks", to=Side.REFERRER, amount=1000, unit="EUR"),
            RewardRule(rule="welcome", to=Side.REFEREE, amount=500, unit="EUR"),
            RewardRule(
                rule="share",
                to=Side.REFERRER,
                basis_points=500,
                max_amount=5000,
                times=12,
                unit="EUR",
            ),
            RewardRule(rule="gold", to=Side.REFERRER, amount=5000, unit="points", at_qualified=10),
        ),
        hold_days=14,
        caps=Caps(
            referrer=ReferrerCap(rewards=50, per_days=30),
            budget=(Budget(unit="EUR", amount=10_000_000),),
        ),
        review=Review(
            same_person=Verdict.REJECT,
            disposable_email=Verdict.HOLD,
            same_network=Burst(sign_ups=3, within_hours=24, then=Verdict.HOLD),
            velocity=Burst(sign_ups=20, within_hours=1, then=Verdict.HOLD),
        ),
        attach_within_days=7,
    )


def test_terms_that_say_nothing_are_those_of_the_default_program():
    terms = Terms.parse({})

    assert terms == Terms()
    assert terms.qualification.is_sign_up
    assert (terms.rewards, terms.hold_days, terms.attach_within_days) == ((), 0, 7)
    assert (terms.code.max_uses, terms.code.max_lifetime_days) == (None, None)
    assert (terms.code.own_text, terms.code.reserved) == (True, ())
    assert (terms.review.same_person, terms.review.velocity) == (Verdict.ALLOW, None)


def test_null_is_as_good_as_nothing():
    assert Terms.parse({"code": None, "rewards": None, "hold_days": None}) == Terms()


def test_what_has_no_default_has_to_be_there_and_null_is_not_it():
    assert wrong({"rewards": [{"rule": None, "amount": 1}]}) == {
        "rewards/0/rule": ["This is required."],
        "rewards/0/to": ["This is required."],
        "rewards/0/unit": ["This is required."],
    }


@pytest.mark.parametrize("raw", [None, 1, "{}", [], [{}]])
def test_terms_are_an_object(raw):
    assert wrong(raw) == {"": ["This is an object."]}


def test_everything_that_is_wrong_is_told_at_once_with_its_place():
    assert wrong(
        {
            "qualification": PURCHASE,
            "rewards": [
                {**FIXED, "amount": "1000", "to": "nobody"},
                {**SHARE, "rule": "thanks"},
                7,
            ],
            "hold_days": -1,
            "caps": {"budget": [{"unit": "eur", "amount": 1}, {"unit": "eur", "amount": 2}]},
            "x/y~": 1,
        }
    ) == {
        "rewards/0/amount": [f"This is a whole number from 1 to {MOST_AMOUNT}."],
        "rewards/0/to": ["This is one of referrer, referee."],
        "rewards/1/rule": ["This was there before."],
        "rewards/2": ["This is an object."],
        "hold_days": ["This is a whole number from 0 to 365."],
        "caps/budget/1/unit": ["This was there before."],
        "x~1y~0": ["There is no such member."],
    }


@pytest.mark.parametrize("name", sorted(OWN_NAMES))
def test_a_rule_that_was_called_so_when_its_terms_were_stored_is_kept(name):
    terms = {"rewards": [{**FIXED, "rule": name}]}

    assert Terms.restore(terms).rewards[0].rule == name
    with pytest.raises(InvalidInput):
        Terms.restore({**terms, "hold_days": -1})


@pytest.mark.parametrize("raw", [0, MOST_AMOUNT + 1, 1.0, "1", True, [1], {"amount": 1}])
def test_an_amount_is_a_whole_number_within_bounds(raw):
    assert [*wrong({"rewards": [{**FIXED, "amount": raw}]})] == ["rewards/0/amount"]


@pytest.mark.parametrize("unit", ["EUR", "USD", "points", "gold_2", "ab", "a" + "b" * 31])
def test_a_unit_is_a_currency_or_a_name(unit):
    assert Terms.parse({"rewards": [{**FIXED, "unit": unit}]}).rewards[0].unit == unit


@pytest.mark.parametrize(
    "unit", ["", "eUR", "EURO", "EU", "p", "a" * 33, "po ints", "2x", "EUR\n", "é", 1, ["EUR"]]
)
def test_what_is_neither_is_no_unit(unit):
    assert [*wrong({"rewards": [{**FIXED, "unit": unit}]})] == ["rewards/0/unit"]


@pytest.mark.parametrize("raw", [0, 1, "true"])
def test_a_flag_is_true_or_false(raw):
    assert wrong({"code": {"own_text": raw}}) == {"code/own_text": ["This is true or false."]}


@pytest.mark.parametrize("raw", ["ADMIN", {"0": "ADMIN"}, 5])
def test_a_list_is_a_list(raw):
    assert wrong({"code": {"reserved": raw}}) == {"code/reserved": ["This is a list."]}


def test_a_list_is_not_longer_than_it_may_be():
    rules = [{**FIXED, "rule": f"rule-{n}"} for n in range(31)]

    assert len(Terms.parse({"rewards": rules[:30]}).rewards) == 30
    assert wrong({"rewards": rules}) == {"rewards": ["A list has at most 30 items here."]}


def test_unknown_members_are_told_by_name_as_far_as_that_stays_small():
    told = wrong({"code": {f"unknown{n:02}": n for n in range(MOST_NAMED + 3)}})

    assert [place for place in told if place != "code"] == [
        f"code/unknown{n:02}" for n in range(MOST_NAMED)
    ]
    assert told["code"] == ["There are no such members: 3 more."]


def test_as_many_unknown_members_as_are_named_are_all():
    assert "code" not in wrong({"code": {f"unknown{n}": n for n in range(MOST_NAMED)}})


def test_a_long_name_of_no_member_is_cut():
    assert [*wrong({"x" * 1000: 1})] == ["x" * 32 + "…"]


@pytest.mark.parametrize(
    ("reward", "told"),
    [
        ({**FIXED, "amount": None}, {"rewards/0/amount"}),
        ({**FIXED, "basis_points": 1}, {"rewards/0/basis_points"}),
        ({**SHARE, "at_qualified": 10}, {"rewards/0/at_qualified"}),
        ({**FIXED, "to": "referee", "at_qualified": 10}, {"rewards/0/to"}),
        ({**FIXED, "max_amount": 1}, {"rewards/0/max_amount"}),
        ({**FIXED, "times": 1}, {"rewards/0/times"}),
        ({**SHARE, "basis_points": 0}, {"rewards/0/basis_points"}),
        ({**SHARE, "basis_points": 10_001}, {"rewards/0/basis_points"}),
        ({**SHARE, "times": 0}, {"rewards/0/times"}),
        ({**FIXED, "rule": "Thanks"}, {"rewards/0/rule"}),
    ],
)
def test_a_rule_does_not_contradict_itself(reward, told):
    assert wrong({"qualification": PURCHASE, "rewards": [reward]}).keys() == told


@pytest.mark.parametrize(
    ("qualification", "told"),
    [
        ({}, {"qualification/event"}),
        ({"event": "refund"}, {"qualification/event"}),
        ({"event": "Purchase"}, {"qualification/event"}),
        ({"event": "signed_up", "count": 2}, {"qualification/count"}),
        (
            {"event": "signed_up", "min_amount": 1, "unit": "EUR", "within_days": 1},
            {"qualification/min_amount", "qualification/unit", "qualification/within_days"},
        ),
        ({**PURCHASE, "min_amount": 1}, {"qualification/unit"}),
        ({**PURCHASE, "unit": "EUR"}, {"qualification/unit"}),
        ({**PURCHASE, "count": 1001}, {"qualification/count"}),
    ],
)
def test_a_qualification_does_not_contradict_itself(qualification, told):
    assert wrong({"qualification": qualification}).keys() == told


@pytest.mark.parametrize("name", [QUALIFICATION, REFERRAL, REVIEW])
def test_a_rule_is_not_called_like_what_decides_beside_the_rules(name):
    assert wrong({"rewards": [{**FIXED, "rule": name}]}) == {
        "rewards/0/rule": [
            "A rule's name is 1 to 40 of a-z, 0-9, _ and -, and not qualification, referral or review."
        ]
    }
    assert Terms.parse({"rewards": [{**FIXED, "rule": f"{name}s"}]}).rewards[0].rule == f"{name}s"


def test_a_sign_up_has_no_amount_to_share_in():
    assert wrong({"rewards": [SHARE]}) == {
        "rewards/0/basis_points": ["A sign-up has no amount to share in."]
    }


def test_a_share_is_of_what_qualifies():
    asked = {
        "qualification": {**PURCHASE, "min_amount": 1, "unit": "USD"},
        "rewards": [FIXED, SHARE],
    }

    assert wrong(asked) == {"rewards/1/unit": ["What qualifies has another unit."]}


def test_a_share_may_be_of_any_unit_where_the_qualification_names_none():
    terms = Terms.parse({"qualification": PURCHASE, "rewards": [SHARE]})

    assert terms.rewards[0].is_share
    assert not terms.rewards[0].is_milestone


def test_what_cannot_be_read_contradicts_nothing():
    assert wrong({"qualification": 5, "rewards": [SHARE]}).keys() == {"qualification"}
    assert wrong({"qualification": PURCHASE, "rewards": 5}).keys() == {"rewards"}
    broken = {"qualification": {**PURCHASE, "min_amount": 1, "unit": 5}, "rewards": [SHARE]}
    assert wrong(broken).keys() == {"qualification/unit"}
    broken = {
        "qualification": {**PURCHASE, "min_amount": 1, "unit": "EUR"},
        "rewards": [{**SHARE, "unit": 5}],
    }
    assert wrong(broken).keys() == {"rewards/0/unit"}


@pytest.mark.parametrize("then", ["allow", "", 5, None])
def test_a_burst_of_sign_ups_is_held_or_rejected(then):
    burst = {"sign_ups": 3, "within_hours": 24, "then": then}

    assert wrong({"review": {"velocity": burst}}).keys() == {"review/velocity/then"}


def test_a_reserved_word_is_kept_in_capitals_and_named_once():
    assert Terms.parse({"code": {"reserved": ["admin"]}}).code.reserved == ("ADMIN",)
    assert wrong({"code": {"reserved": ["admin", "x", "ADMIN"]}}) == {
        "code/reserved/2": ["This was there before."]
    }


@pytest.mark.parametrize("word", ["", "A" * 33, "-A", "A--B", "Ä", 5, None])
def test_a_reserved_word_could_be_part_of_a_code(word):
    assert [*wrong({"code": {"reserved": [word]}})] == ["code/reserved/0"]


@pytest.mark.parametrize("text", ["ADMIN", "ADMIN-2030", "THE-ADMIN", "A-TOP-SECRET-1"])
def test_a_text_is_not_a_reserved_word_nor_has_one_between_its_dashes(text):
    rules = CodeRules(reserved=("ADMIN", "TOP-SECRET"))

    with pytest.raises(InvalidInput, match="reserved word"):
        rules.ensure_own_text(text)


@pytest.mark.parametrize("text", ["ADMINTON", "BADMIN-1", "TOP-2-SECRET"])
def test_a_text_that_only_resembles_a_reserved_word_is_taken(text):
    CodeRules(reserved=("ADMIN", "TOP-SECRET")).ensure_own_text(text)


def test_where_texts_are_generated_nobody_chooses_one():
    with pytest.raises(InvalidInput, match="generated texts only"):
        CodeRules(own_text=False).ensure_own_text("SPRING-2030")


def test_a_code_is_not_valid_for_longer_than_the_terms_say():
    rules = CodeRules(max_lifetime_days=30)

    rules.ensure_lifetime(timedelta(days=30))
    with pytest.raises(InvalidInput, match="within 30 days"):
        rules.ensure_lifetime(timedelta(days=30, microseconds=1))


def test_without_a_limit_a_code_is_valid_as_long_as_any():
    CodeRules().ensure_lifetime(timedelta(days=3653))


amounts = st.integers(1, MOST_AMOUNT)
counts = st.integers(1, 1000)
units = st.from_regex("[A-Z]{3}|[a-z][a-z0-9_]{1,31}", fullmatch=True)


def maybe(values):
    return st.none() | values


def members(required=None, **optional):
    return st.fixed_dictionaries(
        required or {}, optional={k: maybe(v) for k, v in optional.items()}
    )


bursts = members(
    {
        "sign_ups": counts,
        "within_hours": st.integers(1, 720),
        "then": st.sampled_from(["hold", "reject"]),
    }
)
verdicts = st.sampled_from([*map(str, Verdict)])


@st.composite
def plain_terms(draw):
    """Terms as someone may write them."""
    event = draw(st.sampled_from(["signed_up", "purchase", "order.paid"]))
    unit = draw(units)
    asks = members(within_days=counts, count=counts)
    qualification = {"event": event}
    if event != "signed_up":
        qualification |= draw(asks)
        if draw(st.booleans()):
            qualification |= {"min_amount": draw(amounts), "unit": unit}
    fixed = members(
        {"amount": amounts, "unit": units, "to": st.sampled_from(["referrer", "referee"])}
    )
    milestone = members(
        {"amount": amounts, "unit": units, "to": st.just("referrer"), "at_qualified": counts}
    )
    share = members(
        {"basis_points": st.integers(1, 10_000), "unit": st.just(unit), "to": st.just("referrer")},
        times=counts,
        max_amount=amounts,
    )
    kinds = [fixed, milestone] if event == "signed_up" else [fixed, milestone, share]
    rewards = draw(st.lists(st.one_of(kinds), max_size=4))
    budgets = members({"unit": units, "amount": amounts})
    rest = draw(
        members(
            code=members(
                max_uses=counts,
                max_lifetime_days=counts,
                own_text=st.booleans(),
                reserved=st.lists(st.sampled_from(["ADMIN", "HELP", "TOP-1"]), unique=True),
            ),
            hold_days=st.integers(0, 365),
            attach_within_days=st.integers(0, 365),
            caps=members(
                referrer=members({"rewards": counts}, per_days=counts),
                budget=st.lists(budgets, max_size=3, unique_by=lambda b: b["unit"]),
            ),
            review=members(
                same_person=verdicts,
                disposable_email=verdicts,
                same_network=bursts,
                velocity=bursts,
            ),
        )
    )
    named = [{**reward, "rule": f"rule-{n}"} for n, reward in enumerate(rewards)]
    return {**rest, "qualification": qualification, "rewards": named}


@given(plain_terms())
def test_terms_are_the_same_after_they_were_written_down_and_read_again(raw):
    terms = Terms.parse(raw)

    written = json.loads(json.dumps(terms.plain()))

    assert Terms.parse(written) == terms
    assert Terms.parse(written).plain() == written


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*EXAMPLE, "event", "rule", "amount", "x"]), inner, max_size=4
            )
        ),
    )
)
def test_whatever_is_given_it_is_read_or_refused(raw):
    try:
        terms = Terms.parse(raw)
    except InvalidInput:
        return
    assert Terms.parse(terms.plain()) == terms
