"""Decisions in sentences, as someone in support may read them out."""

from collections.abc import Callable

from referral.domain.programs.referral import ReferralStatus
from referral.domain.rewards.decision import (
    QUALIFICATION,
    REFERRAL,
    REVIEW,
    Decision,
    Inputs,
    Outcome,
    Reason,
)
from referral.domain.rewards.money import money

_ABOUT_EVENTS: dict[Reason, Callable[[Inputs], str]] = {
    Reason.QUALIFIED: lambda _: "With it, the referral qualifies.",
    Reason.QUALIFIED_AT_SIGN_UP: lambda _: "By the terms, the sign-up itself qualifies.",
    Reason.ALREADY_QUALIFIED: lambda _: "The referral had qualified before.",
    Reason.COUNT_NOT_REACHED: lambda i: (
        f"It counts: {i['counted']} of {i['count']} such events that the terms ask for."
        if "counted" in i
        else f"It counts, but the terms ask for {i['count']} such events."
    ),
    Reason.OTHER_TYPE: lambda i: f"The terms ask for an event of the type {i['expected']}.",
    Reason.NO_AMOUNT: lambda i: (
        f"The terms ask for {_money(i, 'min_amount')} at least, and it has no amount."
        if "min_amount" in i
        else "The terms ask for an amount, and it has none."
    ),
    Reason.OTHER_UNIT: lambda i: (
        f"The terms ask for an amount in {i['expected']}."
        if "expected" in i
        else "The terms ask for another unit."
    ),
    Reason.AMOUNT_TOO_SMALL: lambda i: (
        f"The terms ask for {_money(i, 'min_amount')} at least."
        if "min_amount" in i
        else "Nothing of its amount is left."
    ),
    Reason.BEFORE_REFERRAL: lambda _: "It occurred before the referral was made.",
    Reason.TOO_LATE: lambda i: (
        f"It occurred after the {_several(i, 'within_days', 'day')} that the terms give."
    ),
    Reason.NOT_IN_TIME: lambda i: (
        f"The referral expired: it did not qualify within {_several(i, 'within_days', 'day')}."
    ),
    Reason.REFUND_UNDOES: lambda _: (
        "What is left does not meet the terms: the referral no longer qualifies."
    ),
    Reason.REFUND_CHANGES_NOTHING: lambda _: "It does not change how the referral stands.",
    Reason.REFERRAL_REJECTED: lambda _: "The referral was rejected before.",
    Reason.PROGRAM_ENDED: lambda _: "The program has ended: it changes nothing.",
}
_SUSPICIOUS: dict[Reason, Callable[[Inputs], str]] = {
    Reason.SAME_PERSON: lambda _: "both have the same e-mail address",
    Reason.DISPOSABLE_EMAIL: lambda _: (
        "the e-mail address is of a provider of throw-away addresses"
    ),
    Reason.SAME_NETWORK: lambda i: (
        f"the referrer and those they brought were {i['sign_ups']} or more at one network"
        f" within {_several(i, 'within_hours', 'hour')}"
    ),
    Reason.VELOCITY: lambda i: (
        f"the referrer brought {i['sign_ups']} or more within {_several(i, 'within_hours', 'hour')}"
    ),
}
_NO_REWARD: dict[Reason, Callable[[Inputs], str]] = {
    Reason.NO_AMOUNT: lambda _: "the event has no amount to share in",
    Reason.OTHER_UNIT: lambda i: (
        f"the event is not in {i['expected']}" if "expected" in i else "the event has another unit"
    ),
    Reason.AMOUNT_TOO_SMALL: lambda i: (
        f"the event is worth less than the {_money(i, 'min_amount')} that the terms ask for"
        if "min_amount" in i
        else "the event's amount is too small"
    ),
    Reason.BEFORE_REFERRAL: lambda _: "the event occurred before the referral was made",
    Reason.SHARE_TOO_SMALL: lambda i: (
        f"{int(i['basis_points'] or 0) / 100:g} % of"
        f" {money(int(i['of_amount'] or 0), str(i['of_unit']))} come to nothing"
        if "of_amount" in i
        else "the share comes to nothing"
    ),
    Reason.TIMES_USED_UP: lambda i: (
        f"earlier events used up the {_several(i, 'times', 'time')} that the rule gives"
    ),
    Reason.MILESTONE_NOT_REACHED: lambda i: (
        f"it takes {i['at_qualified']} qualified referrals,"
        " and the referrer has another number of them"
    ),
    Reason.REJECTED_BEFORE: lambda _: "the same reward was rejected before",
    Reason.REFERRER_CAP_REACHED: lambda i: (
        f"the referrer has the most rewards that the terms allow, {i['rewards']}"
        + (f" in {i['per_days']} days" if i["per_days"] else "")
    ),
    Reason.BUDGET_SPENT: lambda i: (
        f"{_money(i)} is more than is left of the budget: {_money(i, 'spent')} of"
        f" {_money(i, 'budget')} are spent"
    ),
    Reason.BENEFICIARY_ERASED: lambda _: "the account was erased",
}
_CHANGED: dict[Reason, str] = {
    Reason.QUALIFICATION_UNDONE: "the referral no longer qualifies",
    Reason.MILESTONE_LOST: "another referral of the referrer no longer qualifies",
    Reason.EVENT_REFUNDED: "the event was refunded",
    Reason.EARLIER_EVENT_COUNTS: "an event that occurred earlier takes its place",
    Reason.HOLD_DAYS_PASSED: "its days on hold have passed",
}
_NOW = {
    Outcome.REVERSED: "The reward of {money} to the {to} is taken back",
    Outcome.REDUCED: "The reward to the {to} is now {money}",
    Outcome.TO_RECOVER: "The reward to the {to} was paid; {owed} is to be recovered",
    Outcome.HELD: "The reward of {money} to the {to} is held",
    Outcome.PENDING: "The reward of {money} to the {to} waits for its time again",
    Outcome.APPROVED: "The reward of {money} to the {to} is approved",
    Outcome.REJECTED: "The reward of {money} to the {to} is rejected",
    Outcome.PAID: "{money} was paid to the {to}",
}


def made_with(code: str, program: str) -> Decision:
    """That the referral was made."""
    return Decision(
        rule=REFERRAL,
        outcome=ReferralStatus.SIGNED_UP,
        reason=Reason.SIGNED_UP,
        inputs={"code": code, "program": program},
    )


def sentence(decision: Decision) -> str:
    """What was decided, and why."""
    i = decision.inputs
    if decision.own_rule == REFERRAL:
        return f"The referral was made with the code {i['code']} of the program {i['program']}."
    if decision.own_rule == QUALIFICATION:
        return f"{_event(i)}{_ABOUT_EVENTS[decision.reason](i)}"
    if decision.own_rule == REVIEW:
        is_decided = decision.reason == Reason.BY_HAND
        why = _why(decision) if is_decided else f": {_SUSPICIOUS[decision.reason](i)}"
        return f"The referral is {decision.outcome}{why}."
    if decision.outcome == Outcome.NO_REWARD:
        return f"The rule {decision.rule} gives nothing: {_NO_REWARD[decision.reason](i)}."
    if decision.outcome == Outcome.REWARDED:
        return f"The rule {decision.rule} gives the {i['to']} {_money(i)}; the reward is {i['status']}."
    what = _NOW[Outcome(decision.outcome)].format(
        money=_money(i), to=i["to"], owed=money(-int(i["amount"] or 0), str(i["unit"]))
    )
    return f"{what} (rule {decision.rule}){_why(decision)}."


def _why(decision: Decision) -> str:
    i = decision.inputs
    if decision.reason == Reason.PAYOUT:
        return f", by the payout {i['reference']}"
    if decision.reason == Reason.BY_HAND:
        if "by" not in i:
            return ": someone decided so"
        because = f": {str(i['because']).removesuffix('.')}" if i.get("because") else ""
        return f", by {i['by']}{because}"
    return f": {_CHANGED[decision.reason]}"


def _event(i: Inputs) -> str:
    if "event" not in i:
        return ""
    of = f" of {i['of']}" if "of" in i else ""
    worth = f" of {_money(i)}" if "amount" in i else ""
    return f"The event {i['event']} is a {i['type']}{of}{worth}. "


def _several(i: Inputs, name: str, what: str) -> str:
    """So many of something; where it is not known how many, some of it."""
    number = f"{i[name]} " if name in i else ""
    return f"{number}{what}{'s' * (i.get(name) != 1)}"


def _money(i: Inputs, name: str = "amount") -> str:
    return money(int(i[name] or 0), str(i["unit"]))
