"""How long a refused log-in takes says nothing about why it was refused."""

import itertools
import random
import time
from statistics import median

import pytest

from people import details, register
from servers import running
from timing import auc

TIMES = 200
MOST_TRIES = 8  # more times tell more exactly, where chance decides after 200

pytestmark = pytest.mark.usefixtures("uncounted")


@pytest.fixture
def client(databases, tmp_path):
    """A client that comes from another address each time, where the limits are on."""
    addresses = (f"198.18.{n // 256}.{n % 256}" for n in itertools.count())

    def from_another(request):
        request.headers["X-Forwarded-For"] = next(addresses)

    settings = {"rate_limits": "on", "trusted_proxies": "127.0.0.1", "bcrypt_cost": 6}
    with (
        databases.migrated() as url,
        running(tmp_path, url, **settings) as server,
        server.client(event_hooks={"request": [from_another]}) as client,
    ):
        yield client


def test_a10_an_unknown_user_and_a_wrong_password_take_the_same_time(client):
    for name in ("ann", "bob"):
        register(client, **details(name))
    register(client, **details("eve@example.org") | {"email": "eve@example.org"})
    log_ins = {
        "wrong password": ("ann", "a wrong guess"),
        "wrong password for an address": ("bob@example.org", "a wrong guess"),
        "name that is an address": ("eve@example.org", "a wrong guess"),
        "unknown user": ("nobody", "a wrong guess"),
        "unknown address": ("nobody@example.org", "a wrong guess"),
        "name nobody can have": ("no name", "a wrong guess"),
        "empty password of an unknown user": ("nobody", ""),
        "password of 73 bytes of an unknown user": ("nobody", "x" * 73),
    }
    taken = {kind: [] for kind in log_ins}

    def seconds(username, password):
        started = time.perf_counter()
        answer = client.post("/auth/token", json={"username": username, "password": password})
        assert answer.status_code == 401
        return time.perf_counter() - started

    def told_apart():
        usual = taken["wrong password"]
        for kind, others in taken.items():
            apart = auc(usual, others).value, median(others) / median(usual)
            if apart != (pytest.approx(0.5, abs=0.05), pytest.approx(1, abs=0.05)):
                yield kind, apart

    for _ in range(MOST_TRIES):
        for _ in range(TIMES):
            # In another order each time: what else the machine does meets all of them alike.
            for kind in random.sample(list(log_ins), len(log_ins)):
                taken[kind].append(seconds(*log_ins[kind]))
        if not dict(told_apart()):
            break
    assert dict(told_apart()) == {}
