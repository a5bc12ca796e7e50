"""A process that gets no more memory, threads or files: calls are refused, and nobody has to mend anything."""

import resource
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from people import details, join
from raw_http import answer_on, connected
from servers import Server, running, wait_until_ready

FILES = 64
FEW_FILES = (
    f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({FILES}, {FILES}));"
    "from referral.entrypoints.cli.main import main; main()"
)
MEGABYTE = 2**20
THREAD = "/docs/assets/scalar.standalone.js"  # it is read in a thread, the first time


@pytest.fixture
def database(databases):
    with databases.migrated() as url:
        yield url


def let_grow(process: int, megabytes: int | None) -> None:
    """Let the process have so many megabytes more than it has, or as many as it likes."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[0])
    most = resource.RLIM_INFINITY
    if megabytes is not None:
        most = pages * resource.getpagesize() + megabytes * MEGABYTE
    resource.prlimit(process, resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def assert_no_room(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/no-room"
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_f27_a_call_for_which_there_is_no_thread_is_refused_and_later_done(database, tmp_path):
    with running(tmp_path, database) as server, server.client() as client:
        [worker] = server.workers
        let_grow(worker, 1)

        assert_no_room(client.get(f"{server.address}{THREAD}"))
        assert client.get(f"{server.address}/health/ready").status_code == 200

        let_grow(worker, None)
        assert client.get(f"{server.address}{THREAD}").status_code == 200
        assert server.workers == [worker]


def flooded(server: Server, person) -> Counter[tuple[int, str]]:
    """What many calls at once that need memory are answered with; no answer is status 0."""

    def call(number: int) -> list[tuple[int, str]]:
        answers = []
        with server.client() as client:
            for n in range(20):
                body = {**details(f"p{number}-{n}"), "code": "x" * 60_000 if n % 2 else None}
                try:
                    answer = client.post("/auth/user", json=body)
                    answers.append((answer.status_code, answer.headers["content-type"]))
                    answer = client.get(f"/users/{person.id}", headers=person.bearer)
                    answers.append((answer.status_code, answer.headers["content-type"]))
                except httpx.TransportError:
                    answers.append((0, ""))
        return answers

    with ThreadPoolExecutor(20) as threads:
        return Counter(answer for answers in threads.map(call, range(20)) for answer in answers)


@pytest.mark.parametrize("megabytes", [0, 4])
def test_f27_a_worker_without_memory_refuses_or_is_replaced_and_the_service_goes_on(
    database, tmp_path, megabytes
):
    with running(tmp_path, database) as server:
        with server.client() as client:
            ann = join(client)
        [worker] = server.workers
        let_grow(worker, megabytes)

        statuses = flooded(server, ann)

        assert {status for status, _ in statuses} <= {0, 200, 201, 404, 503}, statuses
        assert {kind for status, kind in statuses if status == 503} <= {"application/problem+json"}
        if worker in server.workers:
            let_grow(worker, None)
        wait_until_ready(server)
        with server.client() as client:
            assert client.get("/users/me", headers=ann.bearer).status_code == 200
        assert sum(line["event"].startswith("Unexpected exit") for line in server.lines()) <= 1


def test_f27_a_service_that_may_open_few_files_serves_those_it_has_files_for(database, tmp_path):
    with running(tmp_path, database, ("-c", FEW_FILES, "serve")) as server:
        [worker] = server.workers
        with server.client() as client:
            ann = join(client)
        call = f"GET /api/v1/users/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: {ann.bearer['Authorization']}"
        with ExitStack() as stack:
            clients = [stack.enter_context(connected(server)) for _ in range(FILES)]
            for client in clients:
                client.sendall(f"{call}\r\nConnection: close\r\n\r\n".encode())
            statuses = {answer_on(client).status_code for client in clients}

        assert 200 in statuses
        assert statuses <= {200, 503}
        wait_until_ready(server)
        with server.client() as client:
            assert client.get("/users/me", headers=ann.bearer).status_code == 200
        assert server.workers == [worker]
