import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from referral.application.instant import instant
from referral.application.programs.ports import Programs
from referral.application.programs.program_named import program_named
from referral.application.rewards.books import Books, OpenBooks
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.errors import Checks, InvalidInput
from referral.domain.programs.terms import Terms, TermsVersion
from referral.domain.rewards.errors import BacktestBusy, BacktestTooLarge
from referral.domain.rewards.history import Cohort
from referral.domain.rewards.replay import Replay, Sum

AT_A_TIME = 1_000  # referrals; a brief one lets others on after fewer
AT_A_TIME_BRIEFLY = 100
BITE = 500  # events that are looked at before others have their turn, which takes some milliseconds
MOST_BRIEFLY = 20_000
MOST_SECONDS = 10
MOST_WAITING_SECONDS = 10  # as long as the one before it may take


@dataclass(frozen=True, slots=True)
class Compared:
    """What a rule gives under today's terms and under the draft; the rule is empty where it is all of them in a unit."""

    rule: str
    unit: str
    today: Sum = Sum()  # noqa: RUF009  it never changes
    draft: Sum = Sum()  # noqa: RUF009

    @property
    def difference(self) -> Sum:
        """What the draft gives more."""
        return self.draft - self.today


@dataclass(frozen=True, slots=True)
class Backtest:
    """What came of it: of so many referrals and events, by rule, and in sum by unit."""

    terms_version: TermsVersion
    referrals: int
    events: int
    rules: Sequence[Compared]
    totals: Sequence[Compared]


def _unseen(done: int, total: int) -> None:
    """Progress that nobody looks at."""


@dataclass(frozen=True, slots=True)
class BacktestTerms:
    """Judge what happened in a program by draft terms and by those in force now, and compare what each would give.

    It takes the referrals that were made `since` a time and before `until`, with all their events, at one moment of the
    database, in bounded memory, and writes nothing. One at a time runs in a process, and lets everything else go on.
    `progress` is told how many referrals and events it has looked at, and of how many.

    Raises MissingScope, InvalidInput with everything that is wrong with the draft, ProgramNotFound, or, where it has to be
    done `briefly`, BacktestTooLarge and BacktestBusy, when its turn does not come.
    """

    programs: Programs
    books: Books
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def __call__(
        self,
        *,
        slug: str,
        terms: Mapping[str, object],
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        briefly: bool = False,
        progress: Callable[[int, int], None] = _unseen,
        caller: Caller = OPERATOR,
    ) -> Backtest:
        caller.ensure_may(Scope.REWARDS_READ)
        checks = Checks()
        begins_at = ends_at = None
        with checks.of("from"):
            begins_at = None if since is None else instant(since)
        with checks.of("to"):
            ends_at = None if until is None else instant(until)
            if begins_at and ends_at and ends_at <= begins_at:
                raise InvalidInput("`to` is later than `from`.")
        with checks.of("terms"):
            draft = Terms.parse(terms)
        checks.done()
        now = await self.programs.in_force(program_named(slug))
        cohort = Cohort(now.program.id, begins_at, ends_at)
        replays = Replay(now.terms), Replay(draft)
        async with self._alone(briefly=briefly):
            try:
                async with (
                    asyncio.timeout(MOST_SECONDS if briefly else None),
                    self.books.open() as books,
                ):
                    referrals, events = await _replay(
                        books, cohort, replays, progress, briefly=briefly
                    )
            except TimeoutError:
                raise BacktestTooLarge from None
        rules, totals = _compared(*replays)
        return Backtest(now.program.terms_version, referrals, events, rules, totals)

    @asynccontextmanager
    async def _alone(self, *, briefly: bool) -> AsyncIterator[None]:
        """Have the process's one turn for the block."""
        try:
            async with asyncio.timeout(MOST_WAITING_SECONDS if briefly else None):
                await self._turn.acquire()
        except TimeoutError:
            raise BacktestBusy from None
        try:
            yield
        finally:
            self._turn.release()


async def _replay(
    books: OpenBooks,
    cohort: Cohort,
    replays: Sequence[Replay],
    progress: Callable[[int, int], None],
    *,
    briefly: bool,
) -> tuple[int, int]:
    """How many referrals and events there were."""
    total = await books.size(cohort, MOST_BRIEFLY + 1 if briefly else None)
    if briefly and total > MOST_BRIEFLY:
        raise BacktestTooLarge
    turns, referrals, events = _Turns(), 0, 0
    async for histories in books.histories(cohort, AT_A_TIME_BRIEFLY if briefly else AT_A_TIME):
        for history in histories:
            for replay in replays:
                for work in replay.take(history):
                    await turns.after(work)
            events += len(history.events)
        referrals += len(histories)
        progress(referrals + events, total)
    for replay in replays:
        for work in replay.settle():
            await turns.after(work)
    return referrals, events


@dataclass(slots=True)
class _Turns:
    """Lets others have their turn after every bite of work."""

    done: int = 0

    async def after(self, work: int) -> None:
        self.done += work
        if self.done >= BITE:
            self.done = 0
            await asyncio.sleep(0)


def _compared(today: Replay, draft: Replay) -> tuple[Sequence[Compared], Sequence[Compared]]:
    """By rule, those of today first, and by unit."""
    before = {(rule.rule, rule.unit): given for rule, given in today.sums.items()}
    after = {(rule.rule, rule.unit): given for rule, given in draft.sums.items()}
    rules = [
        Compared(rule, unit, before.get((rule, unit), Sum()), after.get((rule, unit), Sum()))
        for rule, unit in {**before, **after}
    ]
    totals: dict[str, Compared] = {}
    for rule in rules:
        so_far = totals.get(rule.unit, Compared("", rule.unit))
        totals[rule.unit] = Compared(
            "", rule.unit, so_far.today + rule.today, so_far.draft + rule.draft
        )
    return rules, [*totals.values()]
