"""What the terms of a program may hold, as JSON Schema, from what the domain says of each member."""

from dataclasses import MISSING
from typing import Any

from referral.domain.programs.plain_data import Member, Part, PlainData, Several, members_of
from referral.domain.programs.plain_values import Choice, Flag, Kind, Text, Whole
from referral.domain.programs.terms import Terms

EXAMPLE = {
    "code": {
        "max_uses": None,
        "max_lifetime_days": 3650,
        "own_text": True,
        "reserved": ["ADMIN", "SUPPORT"],
    },
    "qualification": {
        "event": "purchase",
        "count": 1,
        "min_amount": 2000,
        "unit": "EUR",
        "within_days": 90,
    },
    "rewards": [
        {"rule": "thanks", "to": "referrer", "amount": 1000, "unit": "EUR"},
        {"rule": "welcome", "to": "referee", "amount": 500, "unit": "EUR"},
        {
            "rule": "share",
            "to": "referrer",
            "basis_points": 500,
            "max_amount": 5000,
            "times": 12,
            "unit": "EUR",
        },
        {"rule": "gold", "to": "referrer", "amount": 5000, "unit": "points", "at_qualified": 10},
    ],
    "hold_days": 14,
    "caps": {
        "referrer": {"rewards": 50, "per_days": 30},
        "budget": [{"unit": "EUR", "amount": 10000000}],
    },
    "review": {
        "same_person": "reject",
        "disposable_email": "hold",
        "same_network": {"sign_ups": 3, "within_hours": 24, "then": "hold"},
        "velocity": {"sign_ups": 20, "within_hours": 1, "then": "hold"},
    },
    "attach_within_days": 7,
}


def terms_schema() -> dict[str, Any]:
    """Also `null` for what may be left out; rules about several members are told in words."""
    return {**_object(Terms), "title": "Terms", "examples": [EXAMPLE]}


def _object(kind: type[PlainData]) -> dict[str, Any]:
    members = members_of(kind)  # type: ignore[arg-type]  # mypy: a class is hashable
    return {
        "type": "object",
        "description": kind.__doc__,
        "properties": {member.name: _member(member) for member in members},
        "required": [member.name for member in members if member.required],
        "additionalProperties": False,
    }


def _member(member: Member) -> dict[str, Any]:
    schema = {**_value(member.kind), "description": member.meaning}
    if member.default is MISSING:
        return schema
    return {"anyOf": [schema, {"type": "null"}], "description": member.meaning}


def _value(kind: Kind) -> dict[str, Any]:
    match kind:
        case Whole(least, most):
            return {"type": "integer", "minimum": least, "maximum": most}
        case Flag():
            return {"type": "boolean"}
        case Text(shape):
            return {"type": "string", "pattern": f"^({shape})$"}
        case Choice(words):
            return {"enum": [word.value for word in words]}
        case Several(of, most):
            return {
                "type": "array",
                "items": _value(of),
                "maxItems": most,
                "uniqueItems": True,
            }
        case Part(of):
            return _object(of)
    raise TypeError(kind)
