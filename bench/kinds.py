"""The kinds of hostile clients: what each of them sends."""

import asyncio
import json
import resource
from collections.abc import Callable, Iterator
from itertools import count, cycle
from urllib.parse import quote
from uuid import uuid4

from bench.attacks import Hostile, Kind, flood, half_close, hold, leave, read_slowly, rotate
from bench.data import EXPIRY, access_token_of, id_of
from bench.load import request
from servers import PASSWORD

LARGEST_ASSET = "/docs/assets/scalar.standalone.js"
MARKS = "\u0301\u0323" * 15_500  # 62 kB that are slow to put in order
DEPTHS = (2_000, 16_000, 30_000)
DIGITS = (5_000, 60_000)

API = "/api/v1"
REGISTER, TOKEN, REVOKE = f"{API}/auth/user", f"{API}/auth/token", f"{API}/auth/revoke"
CODES, PASSWORD_CHANGE, ME = f"{API}/codes", f"{API}/users/me/password", f"{API}/users/me"


async def lock_out(me: Hostile) -> None:
    """Guess at the victim's account from fifty addresses."""
    await asyncio.gather(
        *(flood(me, cycle([guess(f"user{me.victim}")]), 1, f"127.0.50.{n}") for n in range(1, 51))
    )


def post(path: str, value: object, token: str | None = None, method: str = "POST") -> bytes:
    return request(
        method, path, token, json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    )


def refresh(token: str) -> bytes:
    return post(TOKEN, {"grant_type": "refresh_token", "refresh_token": token})


def guess(username: str) -> bytes:
    return post(TOKEN, {"username": username, "password": "a wrong guess"})


def made_up(request_with: Callable[[str], bytes]) -> Iterator[bytes]:
    """Requests with another name each time."""
    return (request_with(uuid4().hex) for _ in count())


def long_names(token: str) -> list[bytes]:
    new = {"username": "long", "email": "long@example.org", "password": PASSWORD}
    short = quote(MARKS[:2_500])
    return [
        *(post(REGISTER, {**new, name: f"a{MARKS}"}) for name in (*new, "code")),
        post(REGISTER, {**new, "email": f"a{MARKS}@example.org"}),
        post(TOKEN, {"username": MARKS, "password": PASSWORD}),
        post(TOKEN, {"username": "long", "password": MARKS}),
        refresh(MARKS),
        post(REVOKE, {"token": MARKS}),
        post(CODES, {"expires_at": MARKS}, token),
        post(CODES, {"expires_at": str(EXPIRY), "code": MARKS}, token),
        post(PASSWORD_CHANGE, {"password": MARKS, "new_password": PASSWORD}, token),
        post(PASSWORD_CHANGE, {"password": PASSWORD, "new_password": MARKS}, token),
        post(ME, {"password": MARKS}, token, "DELETE"),
        post(f"{REGISTER}/{short}", new),
        request("GET", f"{CODES}/{short}", token),
        request("GET", f"{CODES}/{short}/status"),
    ]


def deep_or_huge() -> list[bytes]:
    values = [
        *("[" * depth + "]" * depth for depth in DEPTHS),
        *('{"a":' * (depth // 3) + "1" + "}" * (depth // 3) for depth in DEPTHS),
        *("9" * digits for digits in DIGITS),
        *(f"1e{'9' * digits}" for digits in DIGITS),
    ]
    bodies = [*values, *(f'{{"username":{value}}}' for value in values)]
    return [request("POST", path, None, b.encode()) for path in (REGISTER, TOKEN) for b in bodies]


def malformed_chunks() -> list[bytes]:
    head = (
        f"POST {REGISTER} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n"
    )
    sizes = ("0x2", "-2", "f" * 18, f"2;{'x' * 60_000}")
    return [f"{head}{size}\r\n{{}}\r\n0\r\n\r\n".encode() for size in sizes]


def half_sent(path: str = REGISTER) -> bytes:
    return request("POST", path).replace(b"Content-Length: 0", b"Content-Length: 60000") + b"{"


def kinds(users: range) -> dict[str, Kind]:
    """What a hostile client can do, by name, with the accounts of these users."""
    token = access_token_of(users[0])
    expires_at = EXPIRY.isoformat()
    new_code = {"expires_at": expires_at}
    everything = [
        request("GET", CODES, token),
        request("GET", f"{API}/users/{id_of(users[0])}", token),
        post(CODES, {**new_code, "replace_active": True}, token),
        post(REGISTER, {"username": "a", "email": "a", "password": "a"}),
        half_sent(),
    ]

    def issue_with_a_key(key: str) -> bytes:
        body = json.dumps({**new_code, "replace_active": True}).encode()
        return request("POST", CODES, access_token_of(users[3]), body, key)

    def code_of_a_name(name: str) -> bytes:
        return request("GET", f"{CODES}/{name[:12].upper()}/status")

    return {
        "long names": lambda me: flood(me, cycle(long_names(token)), 4),
        "deep or huge JSON": lambda me: flood(me, cycle(deep_or_huge())),
        "unknown fields": lambda me: flood(
            me, cycle([post(REGISTER, {f"f{n}": 0 for n in range(6_000)})])
        ),
        "cut bodies": lambda me: half_close(me, half_sent()),
        "malformed chunks": lambda me: flood(me, cycle(malformed_chunks())),
        "slow headers": lambda me: hold(
            me, f"GET {CODES} HTTP/1.1\r\nHost: localhost\r\nX-Slow: ".encode(), 1_100, b"a"
        ),
        "slow bodies": lambda me: hold(me, half_sent(), 1_100, b" "),
        "slow readers": lambda me: read_slowly(me, request("GET", LARGEST_ASSET), 300),
        "idle connections": lambda me: hold(me, request("GET", "/health/live"), 1_000),
        "left in mid-request": lambda me: leave(me, cycle(everything)),
        "refusals: 401": lambda me: flood(me, cycle([request("GET", CODES, f"{token}x")])),
        "refusals: 404": lambda me: flood(me, made_up(lambda name: request("GET", f"/{name}"))),
        "refusals: 409": lambda me: flood(me, cycle([post(CODES, new_code, token)])),
        "refusals: 422": lambda me: flood(
            me, cycle([post(CODES, {"expires_at": "2020-01-01"}, token)])
        ),
        "refusals: 429": lambda me: flood(me, cycle([guess(f"user{users[1]}")])),
        "made-up names": lambda me: flood(me, made_up(guess)),
        "made-up keys": lambda me: flood(me, made_up(issue_with_a_key)),
        "unknown codes": lambda me: flood(me, made_up(code_of_a_name)),
        "unknown assets": lambda me: flood(
            me, made_up(lambda name: request("GET", f"/docs/assets/{name * 350}"))
        ),
        "codes without end": lambda me: flood(
            me,
            cycle([post(CODES, {**new_code, "replace_active": True}, access_token_of(users[2]))]),
        ),
        "rotating thief": lambda me: rotate(me, refresh),
        "lock-out": lock_out,
        "400 calls of one user": lambda me: flood(me, cycle(everything[:2]), 400),
    }


def attack(
    address: str, names: list[str], users: range, victim: int, seconds: float
) -> dict[str, dict[str, int]]:
    """Have these kinds at it at the same time, and say what each got."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    every = kinds(users)
    clients = {
        name: Hostile(address, f"127.0.1.{n}", users, victim)
        for n, name in enumerate(every, 1)
        if name in names
    }

    async def all_of_them() -> dict[str, dict[str, int]]:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(every[name](client)) for name, client in clients.items()]
            await asyncio.sleep(seconds)
            got = {name: {**c.got, "open": c.open} for name, c in clients.items()}
            for task in running:
                task.cancel()
        return got

    return asyncio.run(all_of_them())
