"""The composition root: it puts together settings, adapters and use cases."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import structlog
from asyncpg import PostgresError
from dishka import Container, Provider, Scope, make_container
from sqlalchemy.exc import DBAPIError

from referral.adapters.embedded_postgres import EmbeddedPostgresError, embedded_postgres
from referral.adapters.postgres.core.clock import PostgresClock
from referral.adapters.postgres.core.database import Database
from referral.adapters.postgres.core.errors import UNREACHABLE
from referral.adapters.postgres.core.patience import begin_call
from referral.adapters.postgres.core.risks import way_to
from referral.adapters.postgres.housekeeping import PostgresHousekeeping
from referral.adapters.postgres.migrate import migrate
from referral.adapters.postgres.webhooks.outbox import PostgresListeners
from referral.adapters.webhook_sender import AiohttpSender
from referral.application.access.once import Once
from referral.application.access.quotas import Quotas
from referral.application.input_rules import InputRules
from referral.application.ports import Clock
from referral.application.use_cases import UseCases
from referral.domain.errors import ShuttingDown
from referral.entrypoints.bootstrap.adapters import Adapters
from referral.entrypoints.bootstrap.application import Application
from referral.entrypoints.bootstrap.load_settings import load_settings
from referral.entrypoints.bootstrap.secret import with_secret
from referral.entrypoints.bootstrap.settings import CannotStart, Settings
from referral.entrypoints.worker import LOOK_SECONDS, delivering, shared_chores, working

if TYPE_CHECKING:
    from referral.entrypoints.http.app import Service

SERVING_ROLE = "referral"


def assembled(settings: Settings, clock: Clock | None = None) -> Container:
    """The whole graph; raises at once when a part is missing. Nothing is opened yet."""
    given = Provider(scope=Scope.APP)
    if clock is not None:
        given.provide(lambda: clock, provides=Clock)
    return make_container(Adapters(), Application(), given, context={Settings: settings})


@contextmanager
def with_database(
    settings: Settings, when_lost: Callable[[], None] = lambda: None
) -> Iterator[Settings]:
    """The settings with a database and a secret: the operator's, or the embedded one, started and migrated.

    Raises CannotStart, at the end too, when `when_lost` was called: the embedded one ended for good.
    """
    settings = with_secret(settings)
    if settings.database_url:
        yield settings
        return
    try:
        with embedded_postgres(settings.data_dir, settings.pg_bin, when_lost) as url:
            _migrate(url, serving_role=SERVING_ROLE)
            serving = urlsplit(url)._replace(netloc=f"{SERVING_ROLE}@").geturl()
            yield msgspec.structs.replace(settings, database_url=serving)
    except EmbeddedPostgresError as error:
        raise CannotStart(str(error)) from error


def log_way_to_database(settings: Settings) -> None:
    """Warn of what is unsafe about the way to the database, and tell for how many machines it has connections."""
    log = structlog.get_logger()
    way = asyncio.run(way_to(settings.database_url))
    for risk in way.risks:
        log.warning("unsafe database connection", risk=risk)
    if way.connections is not None:
        of_one_machine = settings.workers * settings.pool_size
        enough = of_one_machine <= way.connections
        (log.info if enough else log.warning)(
            "database connections" if enough else "too few database connections",
            workers=settings.workers,
            pool_size=settings.pool_size,
            of_one_machine=of_one_machine,
            allowed=way.connections,
            machines=way.connections // of_one_machine,
        )


def migrate_database(settings: Settings) -> None:
    """Bring the database in force to this version's schema; the embedded one is started for it.

    Raises CannotStart when it does not answer or does not let the schema be changed.
    """
    if settings.database_url:
        _migrate(settings.database_url)
        return
    with with_database(settings):
        pass


def _migrate(url: str, serving_role: str = "") -> None:
    try:
        migrate(url, serving_role=serving_role)
    except (*UNREACHABLE, PostgresError, DBAPIError) as error:
        cause = error.__cause__ if isinstance(error, DBAPIError) else error
        raise CannotStart(f"The database cannot be migrated: {cause}") from error


@asynccontextmanager
async def open_use_cases(
    settings: Settings | None = None, clock: Clock | None = None
) -> AsyncIterator[UseCases]:
    """Everything the service can do, for a script: no server, no HTTP. A `clock` tells the time instead of the database.

    >>> async with open_use_cases() as referral:
    ...     await referral.accounts.register_user(username="ann", email="ann@example.org", password="…")
    """
    with (
        with_database(settings or load_settings()) as complete,
        closing(assembled(complete, clock)) as container,
    ):
        async with container.get(Database):
            await container.get(PostgresClock).look()
            yield container.get(UseCases)


def create_http_app(
    settings: Settings,
    is_draining: Callable[[], bool] = lambda: False,
    on_started: Callable[[], object] = lambda: None,
) -> "Service":
    """The HTTP application on a database that is there; it opens what it needs when it is started.

    While `is_draining`, it is not ready; `on_started` is called when it has opened what it needs.
    """
    from referral.entrypoints.http.api.delivery_health import DeliveryHealth, count
    from referral.entrypoints.http.app import HttpOptions, create_app

    container = assembled(settings)
    database = container.get(Database)
    housekeeping = container.get(PostgresHousekeeping)
    use = container.get(UseCases)
    delivery = DeliveryHealth(use.webhooks.show_backlog, container.get(Clock).now)
    chores = [*housekeeping.chores, *shared_chores(use), (LOOK_SECONDS, delivery.look)]
    sender = container.get(AiohttpSender)
    told = container.get(PostgresListeners).told

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        with closing(container):
            async with (
                database,
                housekeeping.running(),
                working(chores),
                sender,
                delivering(use, told, count),
            ):
                on_started()
                yield

    async def ready() -> None:
        if is_draining():
            raise ShuttingDown
        await housekeeping.ensure_ready()

    return create_app(
        container.get(UseCases),
        container.get(Once),
        container.get(InputRules),
        container.get(Clock),
        ready=ready,
        delivery=delivery,
        lifespan=lifespan,
        begin_call=begin_call,
        options=HttpOptions(
            proxies=settings.proxy_networks,
            hosts=settings.hosts,
            calls_at_a_time=(settings.pool_size + 1) // 2 if settings.rate_limits == "on" else None,
            quotas=container.get(Quotas) if settings.rate_limits == "on" else None,
            docs=settings.docs == "on",
            metrics=settings.metrics == "on",
        ),
    )


def openapi_document(settings: Settings) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the API."""
    from referral.entrypoints.http.routes import api_description

    container = assembled(settings)
    return api_description(container.get(UseCases), container.get(Clock))
