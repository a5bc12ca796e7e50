import pytest

from long_form import REPEATS
from servers import eventually, is_ready, workers_that_answered


@pytest.fixture(params=range(REPEATS))
def again(request):
    """For a test that is to be repeated in the long form."""


@pytest.fixture(scope="module")
def server(server):
    """The server, once each of its workers has answered."""
    eventually(lambda: is_ready(server.address) and len(workers_that_answered(server)) == 2)
    return server


@pytest.fixture(scope="module", autouse=True)
def all_uncounted(uncounted):
    """Most of their time goes into starts, stops and waiting, and what runs then is counted elsewhere."""
