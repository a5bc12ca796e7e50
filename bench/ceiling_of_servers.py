"""The calls of the ceiling that servers make: participants, events, and what came of them."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from bench.bare import Connection, body_of, encode, fetch_row, fetch_rows, new_id
from bench.data import API_KEY
from referral.adapters.postgres.accounts.participants import (
    _BY_EXTERNAL_ID,
    _LOCK_BY_EXTERNAL_ID,
    _LOCK_BY_ID,
)
from referral.adapters.postgres.accounts.user_rows import _ADD as _ADD_USER
from referral.adapters.postgres.accounts.users import _LOCK as _LOCK_USER
from referral.adapters.postgres.programs.named_referrals import FIND, NEWEST
from referral.adapters.postgres.programs.referral_under_terms import UNDER_TERMS
from referral.adapters.postgres.programs.referrals import _SAVE as _SAVE_REFERRAL
from referral.adapters.postgres.rewards.decisions import _ADD as _ADD_DECISIONS
from referral.adapters.postgres.rewards.decisions import _OF as _DECISIONS_OF
from referral.adapters.postgres.rewards.events import _ADD as _ADD_EVENT
from referral.adapters.postgres.rewards.events import _OF as _EVENTS_OF
from referral.adapters.postgres.rewards.named_rewards import NEWEST as NEWEST_REWARDS
from referral.adapters.postgres.rewards.named_rewards import NEWEST_OF as NEWEST_REWARDS_OF
from referral.adapters.postgres.rewards.recording import _ADD as _ADD_REWARDS
from referral.adapters.postgres.rewards.rewards import _BALANCES
from referral.domain.rewards.money import money

API_KEY_DIGEST = hashlib.sha256(API_KEY.encode()).digest()
LAUNCH, GIFTS = 2, 3  # the numbers of the programs
STATUSES = ["signed_up", "qualified", "rejected", "expired"]
REWARD_STATUSES = ["pending", "held", "approved", "paid", "rejected", "reversed"]


class NewEvent(msgspec.Struct):
    id: str
    type: str
    participant: str
    amount: int
    unit: str


NEW_EVENT = msgspec.json.Decoder(NewEvent).decode


async def answer_to_server(scope: Any, receive: Any, path: list[str]) -> tuple[int, bytes]:
    token = next(value for name, value in scope["headers"] if name == b"authorization")
    if hashlib.sha256(token[7:]).digest() != API_KEY_DIGEST:
        raise PermissionError
    match scope["method"], *path:
        case "PUT", "participants", external_id:
            await body_of(receive)
            return await enrol(external_id)
        case "POST", "events":
            return await record(NEW_EVENT(await body_of(receive)))
        case "GET", "participants", external_id, "rewards":
            return await rewards_of(external_id)
        case "GET", "participants", external_id, "balance":
            return await balance_of(external_id)
        case "GET", "referrals", referral_id, "explanation":
            return await explanation_of(UUID(referral_id))
        case "GET", "rewards":
            values = {
                "program_id": GIFTS,
                "statuses_status": REWARD_STATUSES,
                "cursor": None,
                "size": 51,
            }
            return page_of_rewards(
                await fetch_rows(NEWEST_REWARDS, *NEWEST_REWARDS.arguments(values))
            )
    return await referrals_of_program()


async def enrol(external_id: str) -> tuple[int, bytes]:
    names = ("username", "username_key", "email", "email_key", "locale", "password_hash")
    participant = {
        **dict.fromkeys(names),
        "id": new_id(),
        "external_id": external_id,
        "credentials_version": 1,
        "created_at": datetime.now(UTC),
    }
    async with Connection() as connection, connection.transaction():
        await connection.fetchrow(_ADD_USER.sql, *_ADD_USER.arguments(participant))
    shown = ("id", "external_id", "email", "username", "locale", "created_at")
    return 201, encode({**{name: participant[name] for name in shown}, "referrer_id": None})


async def record(event: NewEvent) -> tuple[int, bytes]:
    now = datetime.now(UTC)
    content = [event.participant, event.type, event.amount, event.unit]
    values = {
        "source": "key:bench",
        "id": event.id,
        "type": event.type,
        "amount": event.amount,
        "unit": event.unit,
        "refund_of": None,
        "occurred_at": now,
        "digest": hashlib.sha256(encode(content)).digest(),
        "now": now,
        "metadata": "{}",
    }
    made: list[dict[str, Any]] = []
    async with Connection() as connection, connection.transaction():
        is_by_id = event.participant.startswith("user:")
        locked = await connection.fetchrow(
            (_LOCK_BY_ID if is_by_id else _LOCK_BY_EXTERNAL_ID).sql,
            UUID(event.participant[5:]) if is_by_id else event.participant,
        )
        participant = locked["user_id"]
        before = await connection.fetch(_EVENTS_OF.sql, participant)
        values["participant_id"] = participant
        added = await connection.fetchrow(_ADD_EVENT.sql, *_ADD_EVENT.arguments(values))
        referral = await connection.fetchrow(UNDER_TERMS.sql, participant)
        if referral is not None:
            terms = msgspec.json.decode(referral["terms"])
            least = terms["qualification"]["min_amount"]
            times = [row["occurred_at"] for row in before if row["amount"] >= least]
            saved = {
                "referee": participant,
                "new_status": "qualified",
                "new_qualified_at": min([*times, now]),
                "new_held_reasons": [],
            }
            await connection.execute(_SAVE_REFERRAL.sql, *_SAVE_REFERRAL.arguments(saved))
            inputs = {
                "event": event.id,
                "type": event.type,
                "amount": event.amount,
                "unit": event.unit,
            }
            made = [decision("qualification", "qualified", "qualified", inputs, None)]
            if terms["rewards"]:
                made += await reward(connection, referral, terms["rewards"], added["number"], now)
            rows = {
                "new_at": [now] * len(made),
                "new_referral_id": [participant] * len(made),
                "new_terms_version": [1] * len(made),
                "new_event": [added["number"]] * len(made),
                **{f"new_{name}": [one[name] for one in made] for name in made[0]},
            }
            rows["new_inputs"] = [encode(given).decode() for given in rows["new_inputs"]]
            await connection.execute(_ADD_DECISIONS.sql, *_ADD_DECISIONS.arguments(rows))
    shown = ("rule", "outcome", "reason")
    return 201, encode(
        {
            "id": event.id,
            "referral": {"id": participant, "status": "qualified"} if made else None,
            "decisions": [{name: one[name] for name in shown} for one in made],
            "rewards": [
                {"id": one["reward_id"], "rule": one["rule"], **one["inputs"]} for one in made[1:]
            ],
        }
    )


async def reward(
    connection: Any, referral: Any, rules: Sequence[Any], event: int, now: datetime
) -> list[dict[str, Any]]:
    """Add a reward by each rule; the decisions about them."""
    await connection.fetchrow(_LOCK_USER.sql, referral["referrer_id"])
    ids = [new_id() for _ in rules]
    amounts, units = [rule["amount"] for rule in rules], [rule["unit"] for rule in rules]
    whose = [referral[f"{rule['to']}_id"] for rule in rules]
    twice = [(nth, sign) for nth in range(len(rules)) for sign in (-1, 1)]
    none, same = [None] * len(rules), [0] * len(rules)
    in_order = sorted(zip(whose, units, amounts, strict=True))
    rows = {
        "new_id": ids,
        "new_referral_id": [referral["referee_id"]] * len(rules),
        "new_program_id": [referral["program_id"]] * len(rules),
        "new_terms_version": [referral["terms_version"]] * len(rules),
        "new_rule": [rule["rule"] for rule in rules],
        "new_side": [rule["to"] for rule in rules],
        "new_beneficiary_id": whose,
        "new_amount": amounts,
        "new_unit": units,
        "new_status": ["approved"] * len(rules),
        "new_created_at": [now] * len(rules),
        "new_due_at": [now] * len(rules),
        "new_cause": [event] * len(rules),
        **{f"new_{name}": none for name in ("shared", "milestone", "recovers", "payout_id")},
        "new_budgeted": [False] * len(rules),
        "entries_at": [now] * len(twice),
        "entries_reward_id": [ids[nth] for nth, _ in twice],
        "entries_account": ["budget" if sign < 0 else "available" for _, sign in twice],
        "entries_amount": [sign * amounts[nth] for nth, sign in twice],
        "entries_unit": [units[nth] for nth, _ in twice],
        "entries_cause": ["created"] * len(twice),
        "sums_beneficiary_id": [one[0] for one in in_order],
        "sums_unit": [one[1] for one in in_order],
        "sums_available": [one[2] for one in in_order],
        **{f"sums_{name}": same for name in ("pending", "paid", "recoverable")},
    }
    await connection.execute(_ADD_REWARDS.sql, *_ADD_REWARDS.arguments(rows))
    return [
        decision(
            rule["rule"],
            "rewarded",
            "earned",
            {"to": rule["to"], "amount": amount, "unit": rule["unit"], "status": "approved"},
            reward_id,
        )
        for rule, amount, reward_id in zip(rules, amounts, ids, strict=True)
    ]


def decision(
    rule: str, outcome: str, reason: str, inputs: dict[str, Any], reward_id: UUID | None
) -> dict[str, Any]:
    return {
        "rule": rule,
        "outcome": outcome,
        "reason": reason,
        "inputs": inputs,
        "reward_id": reward_id,
    }


async def referrals_of_program() -> tuple[int, bytes]:
    values = {"program_id": LAUNCH, "statuses_status": STATUSES, "cursor": None, "size": 51}
    rows = await fetch_rows(NEWEST, *NEWEST.arguments(values))
    items = [
        {
            "id": row["referee_id"],
            "program": row["slug"],
            "terms_version": row["terms_version"],
            "referrer": row["referrer"] or f"user:{row['referrer_id']}",
            "referee": row["referee"] or f"user:{row['referee_id']}",
            "code": row["text"],
            "status": row["status"],
            "held": bool(row["held_reasons"]),
            "held_reasons": row["held_reasons"],
            "created_at": row["created_at"],
            "qualified_at": row["qualified_at"],
        }
        for row in rows[:50]
    ]
    return 200, encode({"items": items, "next_cursor": str(items[-1]["id"])})


async def rewards_of(external_id: str) -> tuple[int, bytes]:
    whose = (await fetch_row(_BY_EXTERNAL_ID, external_id))["user_id"]
    values = {
        "beneficiary_id": whose,
        "program_id": None,
        "statuses_status": REWARD_STATUSES,
        "cursor": None,
        "size": 51,
    }
    return page_of_rewards(
        await fetch_rows(NEWEST_REWARDS_OF, *NEWEST_REWARDS_OF.arguments(values))
    )


def page_of_rewards(rows: Sequence[Any]) -> tuple[int, bytes]:
    items = [
        {
            "id": row["id"],
            "referral": row["referral_id"],
            "program": row["slug"],
            "terms_version": row["terms_version"],
            "rule": row["rule"],
            "to": row["to"],
            "participant": row["external_id"] or f"user:{row['beneficiary_id']}",
            "amount": row["amount"],
            "unit": row["unit"],
            "status": row["status"],
            "created_at": row["created_at"],
            "due_at": row["due_at"],
            "recovers": row["recovers"],
            "payout": row["payout_id"],
        }
        for row in rows[:50]
    ]
    return 200, encode({"items": items, "next_cursor": str(items[-1]["id"])})


async def balance_of(external_id: str) -> tuple[int, bytes]:
    whose = (await fetch_row(_BY_EXTERNAL_ID, external_id))["user_id"]
    rows = await fetch_rows(_BALANCES, whose)
    return 200, encode([{**row, "recoverable": -row["recoverable"]} for row in rows])


async def explanation_of(referral_id: UUID) -> tuple[int, bytes]:
    referral = await fetch_row(FIND, referral_id)
    values = {"referral_id": referral_id, "until": datetime.now(UTC)}
    rows = await fetch_rows(_DECISIONS_OF, *_DECISIONS_OF.arguments(values))
    code, program = referral["text"], referral["slug"]
    decisions: list[dict[str, Any]] = [
        {
            "at": referral["created_at"],
            "terms_version": referral["terms_version"],
            **decision(
                "referral", "signed_up", "signed-up", {"code": code, "program": program}, None
            ),
            "sentence": f"The referral was made with the code {code} of the program {program}.",
        }
    ]
    for row in rows:
        inputs = msgspec.json.decode(row["inputs"])
        worth = money(inputs["amount"], inputs["unit"])
        if row["outcome"] == "qualified":
            sentence = f"The event {inputs['event']} is a {inputs['type']} of {worth}. With it, the referral qualifies."
        else:
            sentence = f"The rule {row['rule']} gives the {inputs['to']} {worth}; the reward is {inputs['status']}."
        decisions.append(
            {
                "at": row["at"],
                "terms_version": row["terms_version"],
                **decision(row["rule"], row["outcome"], row["reason"], inputs, row["reward_id"]),
                "sentence": sentence,
            }
        )
    return 200, encode({"referral": referral_id, "program": program, "decisions": decisions})
