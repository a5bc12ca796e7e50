"""What clients sent and were told, kept on disk, and held against the database in the end."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from databases import query

Outcome = Literal["sent", "acknowledged", "refused", "unknown"]

_ONE_ACTIVE = """
    SELECT count(*) FROM referral_codes a JOIN referral_codes b ON a.id < b.id
        AND (a.owner_id, a.program_id) = (b.owner_id, b.program_id)
    WHERE tstzrange(a.issued_at, least(a.retired_at, a.expires_at))
        && tstzrange(b.issued_at, least(b.retired_at, b.expires_at))
"""
_MISCOUNTED = """
    SELECT count(*) FROM users LEFT JOIN (
        SELECT referrer_id, count(*) AS people, max(number) AS last FROM referrals GROUP BY 1
    ) AS brought ON referrer_id = id
    WHERE referrals_count <> coalesce(people, 0) OR referrals_count <> coalesce(last, 0)
"""
_HALF = """
    SELECT count(*) FROM referrals LEFT JOIN users ON users.id = referee_id WHERE users.id IS NULL
"""


@dataclass
class Ledger:
    """An append-only file: a line before each write is sent, and one when its outcome is known.

    A write is called by what it leaves in the database, and a number: `user:ann#1`, `referral:ann#1`,
    `code:LEDGER-1#1`, `retired:LEDGER-1#2`; `issue:ann#3` is one more code of Ann's, whose text the service chose.
    """

    path: Path
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    counts: Counter[Outcome] = field(init=False)

    def __post_init__(self) -> None:
        self._file = self.path.open("ab", buffering=0)
        self.counts = Counter(self.outcomes.values())

    def note(self, write: str, outcome: Outcome) -> None:
        self._file.write(json.dumps([write, outcome]).encode() + b"\n")
        if write in self.outcomes:
            self.counts[self.outcomes[write]] -= 1
        self.outcomes[write] = outcome
        self.counts[outcome] += 1

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self.sync()
        self._file.close()

    def faults(self, url: str) -> list[str]:
        """Each way in which the database contradicts what clients were told; empty when all is well."""
        return [*self._lost_and_doubled(url), *_broken_rules(url)]

    def _lost_and_doubled(self, url: str) -> Iterator[str]:
        there = _effects(url)
        known = Counter[str]()
        possible = Counter[str]()
        for write, outcome in self.outcomes.items():
            effect = write.partition("#")[0]
            known[effect] += outcome == "acknowledged"
            possible[effect] += outcome != "refused"
        for effect in known.keys() | there.keys():
            found, least, most = there[effect], known[effect], possible[effect]
            if found < least:
                yield f"lost: {effect}, {found} of {least}"
            if found > most:
                yield f"doubled, or done though refused: {effect}, {found} instead of {most}"


def _effects(url: str) -> Counter[str]:
    """What writes have left in the database, by how a ledger calls them."""
    there = Counter[str]()
    for (name,) in query(url, "SELECT username FROM users"):
        there[f"user:{name}"] += 1
    codes = "SELECT username, text, retired_at IS NOT NULL FROM referral_codes JOIN users ON users.id = owner_id"
    for name, text, retired in query(url, codes):
        if str(text).startswith("LEDGER-"):
            there[f"code:{text}"] += 1
            there[f"retired:{text}"] += bool(retired)
        else:
            there[f"issue:{name}"] += 1
    referrals = "SELECT username FROM referrals JOIN users ON users.id = referee_id"
    for (name,) in query(url, referrals):
        there[f"referral:{name}"] += 1
    return +there


def _broken_rules(url: str) -> Iterator[str]:
    for rule, question in (
        ("codes of one user that are active together", _ONE_ACTIVE),
        ("users whose referrals are counted wrongly", _MISCOUNTED),
        ("referrals without a referee", _HALF),
    ):
        [(broken,)] = query(url, question)
        if broken:
            yield f"{broken} {rule}"
