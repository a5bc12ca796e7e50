from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta

from referral.application.access.limit import Limit
from referral.application.access.ports import RateLimiter
from referral.application.again import again
from referral.application.audit import Audit
from referral.application.input_rules import InputRules
from referral.application.ports import Clock, Deed, Randomness
from referral.application.programs.known_programs import KnownPrograms
from referral.application.programs.ports import ReferralCodes, RetiredCode
from referral.application.transaction import UnitOfWork
from referral.application.webhooks.messages import code_issued, code_retired
from referral.application.webhooks.ports import Listeners
from referral.domain.accounts.user import UserId
from referral.domain.errors import Checks
from referral.domain.programs.errors import CodeTaken, ProgramNotOpen
from referral.domain.programs.program import DEFAULT, ProgramInForce
from referral.domain.programs.referral_code import (
    CodeText,
    NewReferralCode,
    ReferralCode,
    ensure_may_expire,
)
from referral.domain.webhooks.message import MessageType

ATTEMPTS_AT_A_FREE_TEXT = 3
# Refused ones too: a text once used is used for good, and each conflict costs the database a line in its log.
PER_OWNER = Limit(hits=30, window=timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class IssueCode:
    """Issue a referral code, with the text that is asked for or a generated one.

    `expires_at` is a time, or the text of one; without an offset it is taken as UTC.

    The program's terms in force say what a code may be. Beside an active code of the program it raises
    ActiveCodeExists, or retires that one when asked to replace it. Raises InvalidInput, CodeTaken, ProgramNotFound,
    ProgramNotOpen, UserNotFound or TooManyAttempts; then the codes are as they were.

    `deed` is what the call is part of, if someone else than the owner issues it; else it is recorded as the owner's.
    """

    unit_of_work: UnitOfWork
    codes: ReferralCodes
    known_programs: KnownPrograms
    rules: InputRules
    randomness: Randomness
    clock: Clock
    listeners: Listeners
    rate_limiter: RateLimiter
    audit: Audit

    async def __call__(
        self,
        *,
        owner_id: UserId,
        expires_at: datetime | str,
        code: str | None = None,
        replace_active: bool = False,
        program: str = DEFAULT.value,
        deed: Deed | None = None,
    ) -> ReferralCode:
        checks = Checks()
        with checks.of("code"):
            chosen = None if code is None else self.rules.code_text(code)
        with checks.of("expires_at"):
            until = self.rules.expiry(expires_at)
        checks.done()
        with nullcontext(deed) if deed else self.audit.of("issue-code", owner_id) as done:
            await self.rate_limiter.hit({f"issue-code:{owner_id}": PER_OWNER})
            issued = await self.known_programs.decide(
                program,
                lambda known: self._with_a_free_text(
                    known, owner_id, chosen, until, replace_active=replace_active
                ),
            )
            done.code_id = issued.id
            return issued

    async def _with_a_free_text(
        self,
        known: ProgramInForce,
        owner_id: UserId,
        chosen: CodeText | None,
        expires_at: datetime,
        *,
        replace_active: bool,
    ) -> ReferralCode:
        attempts = 1 if chosen else ATTEMPTS_AT_A_FREE_TEXT
        while True:
            attempts -= 1
            text = chosen or self.randomness.code_text()

            def new(text: CodeText = text) -> NewReferralCode:
                return self._new(known, owner_id, text, expires_at, is_chosen=bool(chosen))

            try:
                return await again(self._issue, owner_id, new, replace_active)
            except CodeTaken:
                if not attempts:
                    raise

    async def _issue(
        self, owner_id: UserId, new: Callable[[], NewReferralCode], replace_active: bool
    ) -> ReferralCode:
        if not replace_active and not self.listeners.may_hear(MessageType.CODE_ISSUED):
            return await self.codes.add(new())
        async with self.unit_of_work.begin() as tx:
            owner = await tx.users.lock(owner_id)
            code = new()
            now = code.issued_at
            retired: Sequence[RetiredCode] = ()
            if replace_active:
                retired = await tx.codes.retire_active(owner_id, code.program.program.id, now)
            issued = await tx.codes.add(code)
            await tx.outbox.add(
                *(code_retired(owner, before, now) for before in retired),
                code_issued(owner, issued),
            )
            return issued

    def _new(
        self,
        known: ProgramInForce,
        owner_id: UserId,
        text: CodeText,
        expires_at: datetime,
        *,
        is_chosen: bool,
    ) -> NewReferralCode:
        now = self.clock.now()
        if not known.program.is_open(now):
            raise ProgramNotOpen
        rules = known.terms.code
        checks = Checks()
        with checks.of("code"):
            if is_chosen:
                rules.ensure_own_text(text.value)
        with checks.of("expires_at"):
            ensure_may_expire(expires_at, now)  # once more: time may have passed in a queue
            rules.ensure_lifetime(expires_at - now)
        checks.done()
        return NewReferralCode(
            owner_id=owner_id,
            program=known,
            text=text,
            issued_at=now,
            expires_at=expires_at,
        )
