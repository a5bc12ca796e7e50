"""The terms of the program that is made up, and those that follow them."""

from collections.abc import Mapping
from typing import Any

_EUR = {"unit": "EUR"}
TERMS: Mapping[str, Any] = {
    "code": {"max_lifetime_days": 365, "reserved": ["ADMIN", "SUPPORT"]},
    "qualification": {"event": "purchase", "min_amount": 2000, "within_days": 45, **_EUR},
    "rewards": [
        {"rule": "thanks", "to": "referrer", "amount": 1000, **_EUR},
        {"rule": "welcome", "to": "referee", "amount": 500, **_EUR},
        {"rule": "share", "to": "referrer", "basis_points": 300, "times": 3, **_EUR},
        {"rule": "gold", "to": "referrer", "amount": 500, "unit": "points", "at_qualified": 4},
    ],
    "hold_days": 14,
    "caps": {
        "referrer": {"rewards": 20, "per_days": 30},
        "budget": [{"amount": 500_000, **_EUR}],
    },
    "review": {
        "disposable_email": "hold",
        "velocity": {"sign_ups": 4, "within_hours": 2, "then": "hold"},
    },
}

BETTER_TERMS = {
    **TERMS,
    "rewards": [
        {**rule, "basis_points": 500} if "basis_points" in rule else rule
        for rule in TERMS["rewards"]
    ],
}
