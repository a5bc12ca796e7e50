from dataclasses import dataclass

from referral.application.pages import DEFAULT_SIZE, ListPage, ListRequest
from referral.application.webhooks.ports import Endpoints
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.webhooks.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class ListEndpoints:
    """The webhook endpoints, newest first; raise MissingScope or InvalidInput."""

    endpoints: Endpoints

    async def __call__(
        self, *, limit: int = DEFAULT_SIZE, cursor: int | None = None, caller: Caller = OPERATOR
    ) -> ListPage[Endpoint]:
        caller.ensure_may(Scope.WEBHOOKS_READ)
        return await self.endpoints.page_of(ListRequest.of(limit=limit, cursor=cursor))
