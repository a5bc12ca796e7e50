from dataclasses import dataclass

from referral.application.access.ports import ApiKeys
from referral.application.pages import DEFAULT_SIZE, ListPage, ListRequest
from referral.domain.access.api_key import ApiKey
from referral.domain.access.caller import OPERATOR, Caller, Scope


@dataclass(frozen=True, slots=True)
class ListKeys:
    """The API keys, newest first, expired ones too, revoked ones not; raise MissingScope or InvalidInput."""

    api_keys: ApiKeys

    async def __call__(
        self, *, limit: int = DEFAULT_SIZE, cursor: int | None = None, caller: Caller = OPERATOR
    ) -> ListPage[ApiKey]:
        caller.ensure_may(Scope.KEYS_READ)
        return await self.api_keys.page_of(ListRequest.of(limit=limit, cursor=cursor))
