from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from referral.application.ports import DONE, AuditLog, Deed
from referral.domain.access.caller import Caller, KeyId
from referral.domain.access.errors import TooManyAttempts
from referral.domain.accounts.user import UserId
from referral.domain.errors import Forbidden, ReferralError, slug

FAILED = "failed"

# Where the call comes from that is being answered. It is set for every call, and asked for when a deed is recorded.
ORIGIN: ContextVar[Callable[[], Mapping[str, str]]] = ContextVar("origin", default=dict)
_HELD: ContextVar[list[Deed] | None] = ContextVar("held", default=None)


@dataclass(frozen=True, slots=True)
class Audit:
    """Records what people do and try to do, for an operator who has to find out later."""

    audit_log: AuditLog

    def of(self, action: str, user_id: UserId | None = None) -> AbstractContextManager[Deed]:
        """Record what the block does and how it ends; the block adds what it finds out."""
        return self._recorded(Deed(action, user_id))

    def by(self, caller: Caller, action: str) -> AbstractContextManager[Deed]:
        """The same, of what may be done with a key or for others."""
        return self._recorded(Deed(action, caller.user_id, caller.key_id))

    @contextmanager
    def _recorded(self, deed: Deed) -> Iterator[Deed]:
        try:
            yield deed
        except BaseException as error:
            deed.outcome = _outcome(error)
            raise
        finally:
            self._record(deed)

    @contextmanager
    def of_refusals(
        self, action: str, user_id: UserId | None = None, key_id: KeyId | None = None
    ) -> Iterator[None]:
        """Record what the block does only when it is forbidden or too much: for what happens too often to be recorded."""
        try:
            yield
        except (Forbidden, TooManyAttempts) as error:
            self._record(Deed(action, user_id, key_id, outcome=_outcome(error)))
            raise

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Write at its end what the block records: what it did is not done when the end fails."""
        deeds: list[Deed] = []
        before = _HELD.set(deeds)
        try:
            yield
        except BaseException as error:
            for deed in deeds:
                deed.outcome = _outcome(error) if deed.outcome == DONE else deed.outcome
            raise
        finally:
            _HELD.reset(before)
            for deed in deeds:
                self.audit_log.write(deed)

    def _record(self, deed: Deed) -> None:
        deed.origin = ORIGIN.get()()
        held = _HELD.get()
        if held is None:
            self.audit_log.write(deed)
        else:
            held.append(deed)


def _outcome(error: BaseException) -> str:
    return slug(type(error)) if isinstance(error, ReferralError) else FAILED
