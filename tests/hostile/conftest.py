import pytest


@pytest.fixture(scope="module", autouse=True)
def all_uncounted(uncounted):
    """Most of their time goes into a server that refuses."""
