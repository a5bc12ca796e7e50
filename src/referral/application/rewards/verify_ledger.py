from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from referral.application.ports import Clock
from referral.application.rewards.books import Books, OpenBooks
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.rewards.excuses import unexplained
from referral.domain.rewards.proof import Difference, differences

AT_A_TIME = 1_000


@dataclass(frozen=True, slots=True)
class Verified:
    """Some more of the ledger: how many events of `total` it took so far, and what is wrong."""

    events: int
    total: int
    differences: Iterable[Difference]


@dataclass(frozen=True, slots=True)
class VerifyLedger:
    """Compute every reward from events and terms, and every balance, budget and payout from rewards and entries.

    Gives what it found as it goes, at one moment of the database, and in the same memory however much there is. Raises
    MissingScope.
    """

    books: Books
    clock: Clock

    def __call__(self, *, caller: Caller = OPERATOR) -> AsyncIterator[Verified]:
        caller.ensure_may(Scope.REWARDS_READ)
        return self._verified()

    async def _verified(self) -> AsyncIterator[Verified]:
        async with self.books.open() as books:
            now = self.clock.now()
            total, seen, last = await books.events(), 0, None
            while cases := await books.cases(last, AT_A_TIME):
                found = [found for case in cases for found in differences(case, now)]
                last = cases[-1].referral_id
                seen += sum(len(case.events) for case in cases)
                yield Verified(seen, total, await _unexplained(books, found))
            async for difference in books.sums():
                yield Verified(seen, total, [difference])


async def _unexplained(books: OpenBooks, found: Sequence[Difference]) -> Sequence[Difference]:
    """Without what a cap or a budget refused."""
    missing = {d.referral_id for d in found if d.missing and d.referral_id}
    return unexplained(found, await books.turns([*missing])) if missing else found
