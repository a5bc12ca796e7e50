"""What every test may ask for.

The database server is started once, when the first test needs it, or before the workers of pytest-xdist
are; each worker then has a database of its own.

Hypothesis tries few examples, always the same; HYPOTHESIS_PROFILE=long lets it try many, new ones each time.
"""

import json
import os
from contextlib import ExitStack
from dataclasses import astuple
from pathlib import Path

import pytest
from hypothesis import settings

from databases import Databases, Server, chosen_server, databases_on, execute
from examples import DEFAULT_REVISION
from fakes import FakeClock
from referral.domain.programs.terms import Terms

SERVER = pytest.StashKey[Server]()
DATABASES = pytest.StashKey[Databases]()

TESTS = Path(__file__).parent
LONGEST_FIRST = ["hostile", "faults", "fuzz", "integration", "e2e", "contract", "unit"]

settings.register_profile(
    "quick",
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    report_multiple_bugs=False,
)
settings.register_profile("long", max_examples=1000, stateful_step_count=60, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session):
    """Say on the first line which database the tests run on."""
    config = session.config
    if not hasattr(config, "workerinput"):
        config.stash[SERVER] = chosen_server()
        config.get_terminal_writer().line(f"Database: {config.stash[SERVER].name}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Twice as many as there are cores, for most tests wait for a server most of the time."""
    return 2 * (os.cpu_count() or 1)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """The modules that take longest first, so that no worker is busy with one when the others are done."""
    items.sort(key=lambda item: LONGEST_FIRST.index(item.path.relative_to(TESTS).parts[0]))


def started(config: pytest.Config) -> Databases:
    """Databases on the server that was chosen, which runs from now on until pytest ends."""
    if DATABASES not in config.stash:
        stack = ExitStack()
        config.add_cleanup(stack.close)
        server_url = stack.enter_context(config.stash[SERVER].open())
        config.stash[DATABASES] = stack.enter_context(databases_on(server_url))
    return config.stash[DATABASES]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["databases"] = astuple(started(node.config))


@pytest.fixture(scope="session")
def databases(request) -> Databases:
    """Makes new databases, for a test that cannot share one."""
    if hasattr(request.config, "workerinput"):
        return Databases(*request.config.workerinput["databases"])
    return started(request.config)


@pytest.fixture(scope="session")
def database_url(databases):
    """The migrated database that the tests of this process share."""
    with databases.migrated() as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(databases):
    """A migrated database for the tests of one module, which make keys or programs of their own in it."""
    with databases.migrated() as url:
        yield url


@pytest.fixture
def empty_database_url(database_url):
    """The shared database, as empty as one that was just migrated."""
    from referral.adapters.postgres.tables import metadata

    tables = ", ".join(table.name for table in metadata.sorted_tables)
    execute(
        database_url,
        f"TRUNCATE {tables} RESTART IDENTITY",
        f"""INSERT INTO programs (slug, name, status, terms_version, revision, created_at)
            VALUES ('default', 'Default', 'active', 1, '{DEFAULT_REVISION}', now())""",
        f"INSERT INTO program_terms VALUES (1, 1, '{json.dumps(Terms().plain())}', now())",
    )
    return database_url


@pytest.fixture
async def database(empty_database_url):
    """The shared database, empty, with room for twenty at once."""
    from referral.adapters.postgres.core.database import Database

    async with Database(empty_database_url, pool_size=20) as database:
        yield database


@pytest.fixture(scope="module")
def uncounted():
    """The processes that these tests start run without coverage, in three quarters of the time: what runs in them is
    counted where other tests run it.
    """
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        yield


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio", {"use_uvloop": False}


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture(scope="module")
def server(databases, tmp_path_factory):
    """A server with two workers and a database of its own."""
    from servers import running

    with (
        databases.migrated() as url,
        running(tmp_path_factory.mktemp("server"), url, workers=2) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def client(server):
    with server.client() as client:
        yield client


@pytest.fixture
def ann(client):
    """Someone who is registered and logged in."""
    from people import join

    return join(client)


@pytest.fixture
def bob(client):
    """Someone else."""
    from people import join

    return join(client)
