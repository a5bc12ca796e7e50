"""The HTTP application, made of the use cases it is given."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import cast

from litestar import Litestar, Router
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.exceptions import MethodNotAllowedException
from litestar.handlers import HTTPRouteHandler
from litestar.types import HTTPScope, Receive, Scope, Send

from referral.application.access.once import Once
from referral.application.access.quotas import Quotas
from referral.application.input_rules import InputRules
from referral.application.ports import Clock
from referral.application.use_cases import UseCases
from referral.entrypoints.http.api.body_rules import rules_of_bodies
from referral.entrypoints.http.api.delivery_health import DeliveryHealth
from referral.entrypoints.http.api.health import health_handlers, metrics_handler
from referral.entrypoints.http.middleware import HttpApp
from referral.entrypoints.http.middleware.access_log import AccessLog
from referral.entrypoints.http.middleware.bodies import Bodies
from referral.entrypoints.http.middleware.concurrency import Concurrency
from referral.entrypoints.http.middleware.headers import Headers
from referral.entrypoints.http.middleware.hosts import Hosts
from referral.entrypoints.http.middleware.idempotency import Idempotency
from referral.entrypoints.http.middleware.methods import Methods
from referral.entrypoints.http.middleware.origin import Origin
from referral.entrypoints.http.middleware.paths import Paths
from referral.entrypoints.http.openapi.pages import docs_handlers, problem_list, problem_page
from referral.entrypoints.http.problems import answers as problems
from referral.entrypoints.http.request.body import MAX_BODY, StrictBody
from referral.entrypoints.http.request.caller import (
    Callers,
    Network,
    caller_of,
    client_address,
)
from referral.entrypoints.http.routes import PATH, api_description, api_router


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """What an operator decides about the HTTP side.

    `calls_at_a_time` are one caller's on one worker; `quotas` are those of API keys.
    """

    proxies: Sequence[Network]
    hosts: Sequence[str]
    calls_at_a_time: int | None
    quotas: Quotas | None
    docs: bool
    metrics: bool


@dataclass(frozen=True, slots=True)
class Service:
    """Litestar, as `app`, behind what every HTTP request goes through.

    `hurry` is for when the service stops: it waits no longer for clients that take their time to send a request.
    """

    app: Litestar
    http: HttpApp
    begin_call: Callable[[], object]
    hurry: Callable[[], None]

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == ScopeType.HTTP:
            self.begin_call()
            return self.http(scope, receive, send)
        return self.app(scope, receive, send)


def create_app(
    use: UseCases,
    once: Once,
    rules: InputRules,
    clock: Clock,
    *,
    ready: Callable[[], Awaitable[None]],
    delivery: DeliveryHealth,
    lifespan: Callable[[Litestar], AbstractAsyncContextManager[None]],
    begin_call: Callable[[], object],
    options: HttpOptions,
) -> Service:
    """The ASGI application; `ready` raises when the service cannot serve, `lifespan` surrounds its life.

    `delivery` tells of messages to webhook endpoints.

    `begin_call` is called for each request, in its context, before anything else.
    """
    callers = Callers(use.access.authenticate, options.quotas)
    concurrency = Concurrency(options.calls_at_a_time)
    handlers: list[Router | HTTPRouteHandler] = [
        api_router(use, clock, options.proxies, concurrency, callers),
        problem_list,
        problem_page,
        *health_handlers(ready),
        delivery.handler(),
    ]
    if options.docs:
        handlers += docs_handlers(lambda: api_description(use, clock))
    if options.metrics:
        handlers.append(metrics_handler(delivery.metrics))
    litestar = Litestar(
        handlers,
        lifespan=[lifespan],
        openapi_config=None,
        logging_config=None,
        dto=StrictBody,
        return_dto=None,
        request_max_body_size=MAX_BODY,
        exception_handlers={
            MethodNotAllowedException: problems.answer_to_method,
            Exception: problems.answer,
        },
        state=State({"rules": rules_of_bodies(rules)}),
    )
    http = concurrency.around(cast("HttpApp", litestar))
    http = Idempotency(http, once, caller_of(callers, options.proxies))

    def address_of(scope: HTTPScope) -> str:
        return client_address(ASGIConnection(scope), options.proxies)

    bodies = Bodies(http, address_of, {f"{PATH}/events/batch"})
    http = Hosts(Methods(Paths(bodies)), options.hosts)
    http = Headers(AccessLog(Origin(http, address_of)))
    return Service(litestar, http, begin_call, bodies.hurry)
