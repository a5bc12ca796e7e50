from dataclasses import dataclass

from referral.application.access.ports import ApiKeys
from referral.application.audit import Audit
from referral.application.ports import Clock
from referral.domain.access.caller import OPERATOR, Caller, KeyId, Scope


@dataclass(frozen=True, slots=True)
class RevokeKey:
    """Make an API key worthless, on every process within a second; raise MissingScope or KeyNotFound."""

    api_keys: ApiKeys
    clock: Clock
    audit: Audit

    async def __call__(self, *, key_id: KeyId, caller: Caller = OPERATOR) -> None:
        with self.audit.by(caller, "revoke-key") as deed:
            deed.other_key_id = key_id
            caller.ensure_may(Scope.KEYS_WRITE)
            await self.api_keys.revoke(key_id, self.clock.now())
