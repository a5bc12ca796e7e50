from dataclasses import dataclass
from datetime import datetime, timedelta

from referral.application.access.limit import Limit
from referral.application.access.ports import RateLimiter
from referral.application.again import again
from referral.application.audit import Audit
from referral.application.input_rules import InputRules
from referral.application.ports import Clock, Randomness
from referral.application.programs.ports import ReferralCodes
from referral.application.transaction import UnitOfWork
from referral.domain.accounts.user import UserId
from referral.domain.errors import Checks
from referral.domain.programs.errors import CodeTaken
from referral.domain.programs.referral_code import (
    CodeText,
    NewReferralCode,
    ReferralCode,
    ensure_may_expire,
)

ATTEMPTS_AT_A_FREE_TEXT = 3
# Refused ones too: a text once used is used for good, and each conflict costs the database a line in its log.
PER_OWNER = Limit(hits=30, window=timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class IssueCode:
    """Issue a referral code, with the text that is asked for or a generated one.

    `expires_at` is a time, or the text of one; without an offset it is taken as UTC.

    Beside an active code it raises ActiveCodeExists, or retires that one when asked to replace it.
    Raises InvalidInput, CodeTaken, UserNotFound or TooManyAttempts; then the codes are as they were.
    """

    unit_of_work: UnitOfWork
    codes: ReferralCodes
    rules: InputRules
    randomness: Randomness
    clock: Clock
    rate_limiter: RateLimiter
    audit: Audit

    async def __call__(
        self,
        *,
        owner_id: UserId,
        expires_at: datetime | str,
        code: str | None = None,
        replace_active: bool = False,
    ) -> ReferralCode:
        checks = Checks()
        with checks.of("code"):
            chosen = None if code is None else self.rules.code_text(code)
        with checks.of("expires_at"):
            until = self.rules.expiry(expires_at)
        checks.done()
        with self.audit.of("issue-code", owner_id) as deed:
            await self.rate_limiter.hit({f"issue-code:{owner_id}": PER_OWNER})
            attempts = 1 if chosen else ATTEMPTS_AT_A_FREE_TEXT
            while True:
                attempts -= 1
                text = chosen or self.randomness.code_text()
                try:
                    issued = await again(self._issue, owner_id, text, until, replace_active)
                except CodeTaken:
                    if not attempts:
                        raise
                else:
                    deed.code_id = issued.id
                    return issued

    async def _issue(
        self, owner_id: UserId, text: CodeText, expires_at: datetime, replace_active: bool
    ) -> ReferralCode:
        if not replace_active:
            return await self.codes.add(self._new(owner_id, text, expires_at))
        async with self.unit_of_work.begin() as tx:
            await tx.users.lock(owner_id)
            new = self._new(owner_id, text, expires_at)
            await tx.codes.retire_all_of(owner_id, new.issued_at)
            return await tx.codes.add(new)

    def _new(self, owner_id: UserId, text: CodeText, expires_at: datetime) -> NewReferralCode:
        now = self.clock.now()
        checks = Checks()
        with checks.of("expires_at"):
            ensure_may_expire(expires_at, now)  # once more: time may have passed in a queue
        checks.done()
        return NewReferralCode(owner_id=owner_id, text=text, issued_at=now, expires_at=expires_at)
