"""Three months of a program that is made up, told to the service as a shop's server would have told it."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

from referral.application.pages import MAX_SIZE
from referral.application.rewards.decide_review import ReviewVerdict
from referral.application.use_cases import UseCases
from referral.domain.programs.errors import CodeNotUsable
from referral.domain.programs.program import ProgramStatus
from referral.domain.rewards.errors import NothingToPay
from referral.entrypoints.cli.commands import every
from referral.entrypoints.cli.demo.agenda import Agenda, Deed
from referral.entrypoints.cli.demo.people import Made, people
from referral.entrypoints.cli.demo.terms import BETTER_TERMS, TERMS

DAYS = 90
PEOPLE = 160
_FIRST_CUSTOMERS = 24
_BURST = 6
_REFUNDED = 0.12
_TRUSTED = 0.7
_PROGRAM = "friends"


@dataclass
class Story:
    """What people do, each at a time of their own; the same for the same seed."""

    use: UseCases
    agenda: Agenda
    random: Random
    told: Counter[str] = field(default_factory=Counter)
    _here: list[str] = field(default_factory=list)
    _codes: list[str] = field(default_factory=list)
    _invited: int = _FIRST_CUSTOMERS

    async def play(self, progress: Callable[[int, int], None]) -> Mapping[str, int]:
        """All of it; how much there is of what in the end."""
        await self._launch()
        async for day in self.agenda.days(DAYS):
            progress(day, DAYS)
        left = await self.use.rewards.find_reviews(limit=MAX_SIZE)
        return {**self.told, "open reviews": len(left.items)}

    def _plan(self, deed: Deed, *, after: tuple[float, float]) -> None:
        """Have it happen so many days from now, between these two."""
        self.agenda.plan(deed, self.random.uniform(*after))

    async def _launch(self) -> None:
        await self.use.programs.create_program(
            slug=_PROGRAM,
            name="Friends of the shop",
            terms=TERMS,
            landing_url="https://shop.example.org/friends",
        )
        await self.use.programs.change_program(slug=_PROGRAM, status=ProgramStatus.ACTIVE)
        self._crowd = people(self.random)
        for _ in range(_FIRST_CUSTOMERS):
            self._plan(partial(self._enrol, next(self._crowd)), after=(0.1, 12))
        for day in range(DAYS):
            self._plan(self._night, after=(day + 0.99, day + 0.99))
        for day in range(6, DAYS - 6, 6):
            self._plan(self._review, after=(day, day + 1))
        for day in (31, 61, 88):
            self._plan(self._pay, after=(day, day))
        for day in (20, 52, 87):
            self._plan(self._go_viral, after=(day, day + 1))
        self._plan(self._better_terms, after=(45, 45))
        self._plan(self._look_at_rewards, after=(50, 52))
        self._plan(self._forget_someone, after=(70, 75))

    async def _enrol(self, someone: Made, code: str = "") -> None:
        await self.use.accounts.enrol_participant(
            external_id=someone.external_id,
            username=someone.username,
            email=someone.email,
            locale=someone.locale,
        )
        self.told["participants"] += 1
        self._here.append(someone.external_id)
        if code:
            with suppress(CodeNotUsable):  # its owner is gone
                await self.use.programs.refer_participant(
                    code=code, participant=someone.external_id
                )
                self.told["referrals"] += 1
        if self.random.random() < (0.8 if code else 0.95):
            self._plan(partial(self._buy, someone), after=(0.01, 25))
        if self.random.random() < (0.4 if code else 0.9):
            self._plan(partial(self._share_code, someone), after=(0.5, 8))

    async def _share_code(self, someone: Made) -> None:
        if someone.external_id not in self._here:
            return
        number = someone.external_id.removeprefix("customer-")
        issued = await self.use.programs.issue_participant_code(
            participant=someone.external_id,
            code=f"{someone.first_name}-{number}",
            expires_at=self.agenda.now() + timedelta(300),
            program=_PROGRAM,
        )
        self.told["codes"] += 1
        self._codes.append(issued.text.value)
        self._bring(issued.text.value, self.random.choice((0, 1, 2, 2, 3, 5)), within=(0.5, 35))

    def _bring(self, code: str, friends: int, *, within: tuple[float, float]) -> None:
        for _ in range(min(friends, PEOPLE - self._invited)):
            self._invited += 1
            self._plan(partial(self._enrol, next(self._crowd), code), after=within)

    async def _go_viral(self) -> None:
        """One code brings many within an hour, which the terms find suspicious."""
        self._invited -= _BURST
        self._bring(self.random.choice(self._codes), _BURST, within=(0, 0.04))

    async def _buy(self, someone: Made) -> None:
        if someone.external_id not in self._here:
            return
        self.told["events"] += 1
        order = f"order-{20_000 + self.told['events']}"
        await self.use.rewards.record_event(
            id=order,
            type="purchase",
            participant=someone.external_id,
            amount=self.random.randrange(900, 15_000, 10),
            occurred_at=self.agenda.now() - timedelta(hours=self.random.choice((0, 0, 0, 7))),
            metadata={"channel": self.random.choice(("app", "shop", "web"))},
            unit="EUR",
        )
        self._plan(partial(self._buy, someone), after=(8, 60))
        if self.random.random() < _REFUNDED:
            self._plan(partial(self._refund, order), after=(1, 25))

    async def _refund(self, order: str) -> None:
        """All of it, or a part."""
        part: Mapping[str, Any] = self.random.choice(({}, {"amount": 400, "unit": "EUR"}))
        await self.use.rewards.record_event(id=f"{order}-back", type="refund", of=order, **part)
        self.told["events"] += 1
        self.told["refunds"] += 1

    async def _night(self) -> None:
        """What the service does by itself, day by day."""
        await self.use.programs.expire_referrals()
        await self.use.rewards.approve_due_rewards()

    async def _review(self) -> None:
        for held in (await self.use.rewards.find_reviews()).items:
            is_fine = self.random.random() < _TRUSTED
            await self.use.rewards.decide_review(
                referral_id=held.named.referral.referee_id,
                verdict=ReviewVerdict.RELEASE if is_fine else ReviewVerdict.REJECT,
                reason="They are customers." if is_fine else "Made up to be rewarded.",
            )
            self.told["decided reviews"] += 1

    async def _pay(self) -> None:
        """Everybody who has something to get, but for those who owe more."""
        approved = every(self.use.rewards.find_rewards, status="approved")
        owed = {named.beneficiary async for named in approved if named.reward.unit == "EUR"}
        for participant in sorted(owed.intersection(self._here)):
            with suppress(NothingToPay):
                await self.use.rewards.make_payout(
                    reference=f"{self.agenda.now():%Y-%m-%d} {participant}",
                    participant=participant,
                    unit="EUR",
                )
                self.told["payouts"] += 1

    async def _better_terms(self) -> None:
        await self.use.programs.add_terms(slug=_PROGRAM, terms=BETTER_TERMS)

    async def _look_at_rewards(self) -> None:
        """One is held by hand, and one rejected."""
        page = await self.use.rewards.find_rewards(status="pending", limit=100)
        found = sorted(page.items, key=lambda named: (named.reward.created_at, named.reward.rule))
        for named, verdict in zip(found[-2:], ("hold", "reject"), strict=False):
            await self.use.rewards.decide_reward(
                reward_id=named.reward.id, verdict=verdict, reason="The order looks odd."
            )

    async def _forget_someone(self) -> None:
        gone = self._here.pop(self.random.randrange(len(self._here)))
        await self.use.accounts.erase_participant(participant=gone)
