import pytest

from long_form import REPEATS
from people import join
from servers import eventually, is_ready, running, workers_that_answered


@pytest.fixture(params=range(REPEATS))
def again(request):
    """For a test that is to be repeated in the long form."""


@pytest.fixture(scope="module")
def server(databases, tmp_path_factory):
    """A server with two workers and a database of its own."""
    with (
        databases.migrated() as url,
        running(tmp_path_factory.mktemp("server"), url, workers=2) as server,
    ):
        eventually(lambda: is_ready(server.address) and len(workers_that_answered(server)) == 2)
        yield server


@pytest.fixture(scope="module")
def client(server):
    with server.client() as client:
        yield client


@pytest.fixture
def ann(client):
    """Someone who is registered and logged in."""
    return join(client)


@pytest.fixture
def bob(client):
    """Someone else."""
    return join(client)
