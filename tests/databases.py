"""Where the tests find a PostgreSQL server, and databases of their own on it.

What takes long to import is imported where it is needed, so that the unit tests need not wait for it.
"""

import asyncio
import gc
import os
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

# What a crash would lose is lost anyway when the tests are over.
NOT_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server that the tests can have: what to call it, and how to open it, which gives its URL."""

    name: str
    open: Callable[[], AbstractContextManager[str]]


def chosen_server() -> Server:
    """The one in REFERRAL_TEST_DATABASE_URL, or a container where Docker has one, or the embedded one.

    The embedded one can be asked for in the place of a URL.
    """
    given = os.environ.get("REFERRAL_TEST_DATABASE_URL")
    if given == "embedded":
        return Server("embedded PostgreSQL, as asked for", _embedded)
    if given:
        place = urlsplit(given)
        return Server(
            f"PostgreSQL of REFERRAL_TEST_DATABASE_URL, {place.hostname or 'a socket'}{place.path}",
            lambda: nullcontext(given),
        )
    image = os.environ.get("REFERRAL_TEST_POSTGRES_IMAGE", "postgres:17-alpine")
    with warnings.catch_warnings():
        # Docker's client leaves a socket open where no engine answers.
        warnings.simplefilter("ignore", ResourceWarning)
        missing = _missing_of_docker(image)
        gc.collect()
    if missing:
        return Server(f"embedded PostgreSQL, for there is no {missing}", _embedded)
    return Server(f"PostgreSQL in a container, {image}", lambda: _container(image))


def _missing_of_docker(image: str) -> str:
    import docker
    from docker.errors import DockerException, ImageNotFound

    try:
        engine = docker.from_env(timeout=60)
    except DockerException:
        return "Docker engine"
    try:
        engine.images.get(image)
    except ImageNotFound:
        try:
            engine.images.pull(image)
        except (DockerException, OSError):
            return f"image {image}"
    except (DockerException, OSError):
        return "Docker engine"
    finally:
        engine.close()
    return ""


@contextmanager
def _container(image: str) -> Iterator[str]:
    # The container is stopped below; another one to watch over it is another image to have.
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    from testcontainers.community.postgres import PostgresContainer

    command = " ".join(["postgres", *(f"-c {name}=off" for name in NOT_DURABLE)])
    with PostgresContainer(image, driver=None).with_command(command) as container:
        yield container.get_connection_url()


@contextmanager
def _embedded() -> Iterator[str]:
    from referral.adapters.embedded_postgres import embedded_postgres

    with (
        tempfile.TemporaryDirectory(prefix="referral-") as directory,
        embedded_postgres(Path(directory) / "data") as url,
    ):
        execute(url, *(f"ALTER SYSTEM SET {name} = off" for name in NOT_DURABLE))
        execute(url, "SELECT pg_reload_conf()")
        yield url


@dataclass(frozen=True)
class Databases:
    """Makes databases on a server; each is gone when its block ends."""

    server_url: str
    template: str = "template1"

    @contextmanager
    def migrated(self) -> Iterator[str]:
        """The URL of a new database with the schema of today."""
        with self._new(self.template) as url:
            yield url

    @contextmanager
    def blank(self) -> Iterator[str]:
        """The URL of a new database with nothing in it."""
        with self._new("template1") as url:
            yield url

    @contextmanager
    def _new(self, template: str) -> Iterator[str]:
        name = f"referral_test_{uuid4().hex}"
        execute(self.server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield _url_of(self.server_url, name)
        finally:
            execute(self.server_url, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def databases_on(server_url: str) -> Iterator[Databases]:
    """Databases that are copies of one that is migrated once."""
    from referral.adapters.postgres.migrate import migrate

    with Databases(server_url).blank() as template_url:
        migrate(template_url)
        yield Databases(server_url, urlsplit(template_url).path.removeprefix("/"))


def execute(url: str, *statements: str) -> None:
    """Run these statements, from anywhere, also where an event loop runs."""
    for statement in statements:
        query(url, statement)


def query(url: str, statement: str, before: Iterable[str] = ()) -> list[tuple[object, ...]]:
    """The rows of this statement, after others, from anywhere, also where an event loop runs."""
    import asyncpg

    async def run() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(
            url, timeout=30, command_timeout=120, statement_cache_size=0
        )
        try:
            for preparation in before:
                await connection.execute(preparation)
            return [tuple(row) for row in await connection.fetch(statement)]
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()


def _url_of(server_url: str, name: str) -> str:
    parts = urlsplit(server_url)
    query = parts.query and f"?{parts.query}"
    return f"{parts.scheme}://{parts.netloc}/{name}{query}"


def a_unit_of_work(database):
    """Units of work on this database, for all of whose messages there may be listeners."""
    from referral.adapters.postgres.unit_of_work import PostgresUnitOfWork
    from referral.adapters.postgres.webhooks.outbox import PostgresListeners
    from referral.adapters.system import SystemRandomness

    return PostgresUnitOfWork(database, PostgresListeners(database), SystemRandomness())
