"""The addresses of the API, and who may call there."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from litestar import Router

from referral.application.ports import Clock
from referral.application.use_cases import UseCases
from referral.entrypoints.http.api.auth import auth_router
from referral.entrypoints.http.api.backtest import backtest_router
from referral.entrypoints.http.api.balances import my_rewards_router, participant_rewards_router
from referral.entrypoints.http.api.codes import codes_router
from referral.entrypoints.http.api.deliveries import deliveries_router
from referral.entrypoints.http.api.event_batches import batches_router
from referral.entrypoints.http.api.events import events_router
from referral.entrypoints.http.api.explanation import explanation_router
from referral.entrypoints.http.api.keys import keys_router
from referral.entrypoints.http.api.participant import participant_router
from referral.entrypoints.http.api.participants import participants_router
from referral.entrypoints.http.api.payouts import payouts_router
from referral.entrypoints.http.api.programs import programs_router
from referral.entrypoints.http.api.referrals import referrals_router
from referral.entrypoints.http.api.reviews import reviews_router
from referral.entrypoints.http.api.rewards import rewards_router
from referral.entrypoints.http.api.users import users_router
from referral.entrypoints.http.api.webhooks import webhooks_router
from referral.entrypoints.http.json_response import JsonResponse
from referral.entrypoints.http.middleware.concurrency import Concurrency
from referral.entrypoints.http.openapi.description import describe
from referral.entrypoints.http.openapi.webhooks import described_messages
from referral.entrypoints.http.request.caller import (
    Callers,
    Network,
    in_turn_by_address,
    person,
    signed_in,
)

PATH = "/api/v1"


def api_router(
    use: UseCases,
    clock: Clock,
    proxies: Sequence[Network],
    concurrency: Concurrency,
    callers: Callers,
) -> Router:
    a_person = person(callers, concurrency)
    anybody = signed_in(callers, concurrency)
    in_turn = in_turn_by_address(proxies, concurrency)
    return Router(
        PATH,
        route_handlers=[
            auth_router(use, proxies, in_turn),
            users_router(use, proxies, a_person),
            codes_router(use, clock, proxies, a_person, in_turn),
            keys_router(use, anybody),
            participants_router(use, anybody),
            events_router(use, anybody),
            batches_router(use, anybody),
            participant_router(use, clock, anybody),
            participant_rewards_router(use, anybody),
            my_rewards_router(use, a_person),
            rewards_router(use, anybody),
            payouts_router(use, anybody),
            reviews_router(use, anybody),
            referrals_router(use, anybody),
            explanation_router(use, anybody),
            programs_router(use, anybody),
            backtest_router(use, anybody),
            webhooks_router(use, anybody),
            deliveries_router(use, anybody),
        ],
        response_class=JsonResponse,
    )


def api_description(use: UseCases, clock: Clock) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the API; nothing is called for it."""
    callers = Callers(use.access.authenticate)
    api = api_router(use, clock, (), Concurrency(None), callers)
    return describe(api, version("referral"), described_messages)
