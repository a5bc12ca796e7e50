"""Who calls, and what they may do beside what belongs to themselves."""

from dataclasses import dataclass
from typing import NewType
from uuid import UUID

from referral.domain.access.errors import MissingScope, PersonNeeded
from referral.domain.accounts.user import UserId
from referral.domain.words import Word

KeyId = NewType("KeyId", UUID)


class Scope(Word):
    """What someone may read or change for anybody; to change includes to read."""

    PARTICIPANTS_READ = "participants:read"
    PARTICIPANTS_WRITE = "participants:write"
    CODES_READ = "codes:read"
    CODES_WRITE = "codes:write"
    EVENTS_READ = "events:read"
    EVENTS_WRITE = "events:write"
    REWARDS_READ = "rewards:read"
    REWARDS_WRITE = "rewards:write"
    PROGRAMS_READ = "programs:read"
    PROGRAMS_WRITE = "programs:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"

    @property
    def to_write(self) -> "Scope":
        """The scope that includes this one."""
        return Scope(f"{self.partition(':')[0]}:write")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A person, a server with an API key, or a script on the machine itself; an administrator is a person with scopes."""

    user_id: UserId | None = None
    key_id: KeyId | None = None
    key_name: str = ""
    scopes: frozenset[Scope] = frozenset()

    def __str__(self) -> str:
        """A name that no two callers share."""
        if self.user_id is not None:
            return f"user:{self.user_id}"
        return f"key:{self.key_id}" if self.key_id is not None else "operator"

    @property
    def source(self) -> str:
        """Who gives ids to what they tell: keys of one name are one server's, so that a key can be replaced."""
        return f"key:{self.key_name}" if self.key_id is not None else str(self)

    @property
    def person_id(self) -> UserId:
        """Whose account the call is about; raise PersonNeeded where nobody's is."""
        if self.user_id is None:
            raise PersonNeeded
        return self.user_id

    def may(self, scope: Scope) -> bool:
        """Whether they have this scope, or the one that includes it."""
        return scope in self.scopes or scope.to_write in self.scopes

    def ensure_may(self, scope: Scope) -> None:
        """Raise MissingScope without this scope, or the one that includes it."""
        if not self.may(scope):
            raise MissingScope(scope)


OPERATOR = Caller(scopes=frozenset(Scope))
"""Who runs the command line or a script beside the service: they may do everything."""
