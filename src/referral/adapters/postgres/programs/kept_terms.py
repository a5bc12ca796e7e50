"""Terms as they are kept: a JSON text, and beside it what a sign-up asks of them."""

import json
from functools import lru_cache

import asyncpg

from referral.domain.programs.terms import KeptTerms, Terms

MOST_REMEMBERED = 256  # terms

OF_TERMS = (
    *("qualifies_at_sign_up", "judges_sign_ups", "judges_networks"),
    *("attach_within_days", "qualifies_within_days"),
)


@lru_cache(MOST_REMEMBERED)
def terms_from(text: str) -> Terms:
    # Terms never change, and to check them takes longer than to ask for them.
    return Terms.restore(json.loads(text))


def kept_from(row: asyncpg.Record) -> KeptTerms:
    return KeptTerms(row["version"], terms_from(row["terms"]), row["since"])


def of_terms(terms: Terms) -> dict[str, object]:
    """What a sign-up asks of the terms in force, so that it need not read them."""
    return {
        "qualifies_at_sign_up": terms.qualification.is_sign_up,
        "judges_sign_ups": terms.judges_sign_ups,
        "judges_networks": terms.judges_networks,
        "attach_within_days": terms.attach_within_days,
        "qualifies_within_days": terms.qualification.within_days,
    }


def terms_json(terms: Terms) -> str:
    return json.dumps(terms.plain())
