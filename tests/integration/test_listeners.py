"""Room for connections, and what is set on the sockets that take them."""

import asyncio
import resource
import socket
import sys
from pathlib import Path

import pytest

from referral.entrypoints.processes import listeners

if sys.platform != "linux":
    pytest.skip("These are options of Linux.", allow_module_level=True)


def options(sock):
    return [
        sock.getsockopt(socket.IPPROTO_TCP, option)
        for option in (socket.TCP_USER_TIMEOUT, socket.TCP_NOTSENT_LOWAT)
    ]


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_e04_whoever_is_accepted_has_the_options_of_the_socket_that_listens():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        listeners.cut_stalled_clients(port)

        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = listening.accept()
            with accepted:
                assert options(accepted) == [listeners.STALLED_MS, listeners.UNSENT_BYTES]
            assert options(client) == [0, 0]


async def test_e04_a_socket_that_listens_only_later_is_waited_for_and_nothing_is_left_open():
    with socket.socket() as later, socket.create_server(("127.0.0.1", 0)) as another:
        later.bind(("127.0.0.1", 0))
        before = open_files()

        for _ in range(20):
            listeners.cut_stalled_clients(later.getsockname()[1])
        assert open_files() == before

        later.listen()
        async with asyncio.timeout(10):
            while options(later) == [0, 0]:  # noqa: ASYNC110  the kernel tells nobody
                await asyncio.sleep(0)
        assert options(another) == [0, 0]


@pytest.fixture
def file_limit():
    """Sets how many files this process may open, until the test ends."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield lambda soft: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, before[1]))
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_e03_a_process_that_may_open_few_files_is_allowed_more(file_limit):
    file_limit(1024)

    assert listeners.room_for_connections() == listeners.CONNECTIONS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == listeners.CONNECTIONS + listeners.FILES_BESIDES


def test_e03_a_process_that_may_open_no_more_files_takes_fewer_connections(file_limit, monkeypatch):
    file_limit(1024)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)

    assert listeners.room_for_connections() == 512


def test_e03_a_process_that_may_open_many_files_is_left_alone(file_limit):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    assert listeners.room_for_connections() == listeners.CONNECTIONS
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before
