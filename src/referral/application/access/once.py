import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from referral.application.access.ports import CallRecord, Claim, IdempotencyRecords, Sealing
from referral.application.audit import Audit
from referral.application.ports import Clock
from referral.domain.access.errors import IdempotencyKeyReused, RequestInProgress
from referral.domain.errors import Busy

RENEWED_SECONDS = 3.0  # so often that two renewals may fail before the claim ends


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call was answered with, and whether it did what was asked; `repeated` from an earlier call's record."""

    content: bytes
    done: bool
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Once:
    """Do what a caller asks under an idempotency key once, and give a repeated call the first answer for 24 hours.

    What the call writes and the record of its answer are committed together, or neither is. A call that was refused
    leaves the key free. However long a call takes, it has the key; of a process that dies it is free after 10 seconds.
    Raises RequestInProgress while another call has the key, and IdempotencyKeyReused when the key came with another
    request before.
    """

    records: IdempotencyRecords
    sealing: Sealing
    clock: Clock
    audit: Audit

    async def __call__(
        self, *, caller: str, key: str, request: bytes, call: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        # Both hold what is nobody else's business: the request a password, the answer tokens.
        digest = hashlib.sha256(request).digest()
        call_id = hashlib.sha256(f"{caller}\n{key}".encode()).digest()
        claim = await self.records.claim(call_id, self.sealing.seal(digest), self.clock.now())
        if isinstance(claim, CallRecord):
            return self._repeated(claim, digest)
        with self.audit.held_back():
            async with self.records.effects_of(claim, self.clock) as record:
                with self._renewed(claim):
                    answer = await call()
                if answer.done:
                    record.keep(self.sealing.seal(answer.content))
        return answer

    @contextmanager
    def _renewed(self, claim: Claim) -> Iterator[None]:
        """Have the claim while the block runs. Where that is not for long, it costs a timer, and no task."""
        tasks: list[asyncio.Task[None]] = []

        def begin() -> None:
            tasks.append(asyncio.create_task(self._renew(claim)))

        timer = asyncio.get_running_loop().call_later(RENEWED_SECONDS, begin)
        try:
            yield
        finally:
            timer.cancel()
            for task in tasks:
                task.cancel()

    async def _renew(self, claim: Claim) -> None:
        while True:
            with suppress(Busy):
                await self.records.renew(claim, self.clock.now())
            await asyncio.sleep(RENEWED_SECONDS)

    def _repeated(self, record: CallRecord, digest: bytes) -> Answer:
        if self.sealing.opened(record.request) != digest:
            raise IdempotencyKeyReused
        content = record.answer and self.sealing.opened(record.answer)
        if not content:
            raise RequestInProgress
        return Answer(content, done=True, repeated=True)
