"""The calls of the benchmark."""

import itertools
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import msgspec

from bench.data import (
    API_KEY,
    EXPIRY,
    Data,
    access_token_of,
    code_of,
    email_of,
    id_of,
    refresh_token_of,
)
from bench.load import Call, Load, Player, Read, play, read
from bench.rewarded import TERMS, Rewarded, customer_of
from servers import PASSWORD

Measured = Callable[..., Coroutine[Any, Any, Load]]
"""Loads the server at `address` for so many `seconds`."""


def reads(data: Data) -> dict[str, Measured]:
    return {name: partial(read, reads=these) for name, these in asked(data).items()}


def asked(data: Data) -> dict[str, list[Read]]:
    """By name, what asks for data; up to a thousand users' and those of the user with most referrals."""
    users = range(0, data.referrers, -(-data.referrers // 1000))
    tokens = {user: access_token_of(user) for user in users}
    return {
        "code status": reads_of_code_status(data),
        "own codes": [Read("/codes", tokens[user]) for user in users],
        "code by e-mail": [Read(f"/codes/{email_of(user)}", tokens[user]) for user in users],
        "referrals page of 50": [Read(f"/users/{id_of(user)}", tokens[user]) for user in users],
        "the same of one with most": [Read(f"/users/{id_of(0)}", tokens[0])],
        "referrals of a program": [Read("/referrals?program=launch", API_KEY)],
        **(asked_of_rewards(data.rewarded) if data.rewarded else {}),
    }


def asked_of_rewards(people: Rewarded) -> dict[str, list[Read]]:
    """As above, what asks about rewards; the first referrer has most."""
    most, *some = [
        f"/participants/{customer_of(user)}" for user in people.rewarded_referrers[:1001]
    ]
    referees = people.referees()[:1000]
    return {
        "rewards of a program": [Read("/rewards?program=gifts", API_KEY)],
        "a participant's rewards": [Read(f"{one}/rewards", API_KEY) for one in some],
        "rewards of one with most": [Read(f"{most}/rewards", API_KEY)],
        "balance": [Read(f"{one}/balance", API_KEY) for one in some],
        "balance of one with most": [Read(f"{most}/balance", API_KEY)],
        "explanation": [Read(f"/referrals/{id_of(n)}/explanation", API_KEY) for n in referees],
    }


def reads_of_code_status(data: Data) -> list[Read]:
    return [
        Read(f"/codes/{code_of(user)}/status", None) for user in range(min(1000, data.referrers))
    ]


def writes(data: Data) -> dict[str, Measured]:
    """By name, what changes data; each play takes a user whom no other connection has just now."""
    users = deque((user, access_token_of(user)) for user in data.idle_users())
    refresh_tokens = deque(map(refresh_token_of, data.idle_users()))
    new_code = msgspec.json.encode({"expires_at": EXPIRY})

    async def issue_and_retire(call: Call) -> None:
        user, token = users.popleft()
        code = await _ok(call, 201, "POST", "/codes", token, new_code)
        await _ok(call, 204, "DELETE", f"/codes/{code['code']}", token)
        users.append((user, token))

    async def refresh(call: Call) -> None:
        body = {"grant_type": "refresh_token", "refresh_token": refresh_tokens.popleft()}
        answer = await _ok(call, 200, "POST", "/auth/token", None, msgspec.json.encode(body))
        refresh_tokens.append(answer["refresh_token"])

    async def register(call: Call) -> None:
        name = f"new-{uuid4().hex}"
        body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        await _ok(call, 201, "POST", "/auth/user", None, msgspec.json.encode(body))

    async def log_in(call: Call) -> None:
        await _ok(call, 200, "POST", "/auth/token", None, next(logins))

    logins = log_ins(data)

    async def record(call: Call, people: deque[int]) -> None:
        user = people.popleft()
        await _buy(call, f"user:{id_of(user)}")
        people.append(user)

    async def earn(call: Call) -> None:
        """Rewards are earned once, so that nobody comes back."""
        if not unrewarded:
            raise RuntimeError("Nobody is left to be rewarded: have more of them wait for it.")
        answer = await _buy(call, customer_of(unrewarded.popleft()))
        if len(answer["rewards"]) != len(TERMS.rewards):
            raise RuntimeError(f"Both should be rewarded: {answer!r}")

    async def enrol(call: Call) -> None:
        await _ok(call, 201, "PUT", f"/participants/{uuid4().hex}", API_KEY, b"{}")

    unrewarded = deque(data.rewarded.waiting_users() if data.rewarded else ())
    unreferred, waiting = deque(data.idle_users()), deque(data.waiting_users())
    plays: dict[str, Player] = {
        "enrol a participant": enrol,
        "event without a referral": partial(record, people=unreferred),
        "event that qualifies": partial(record, people=waiting),
        **({"event that rewards both": earn} if unrewarded else {}),
        "issue, retire": issue_and_retire,
        "refresh": refresh,
        "register (bcrypt 4)": register,
        "log in (bcrypt 12)": log_in,
    }
    return {name: partial(play, player=this) for name, this in plays.items()}


def waiting_for(seconds: float) -> int:
    """How many people it takes to reward some in each of so many seconds."""
    return 1000 + round(2500 * seconds)


def log_ins(data: Data) -> Iterator[bytes]:
    """Bodies that log in those whose password was hashed at bcrypt's default cost, one after the other."""
    return itertools.cycle(
        msgspec.json.encode({"username": f"user{user}", "password": PASSWORD})
        for user in data.idle_users()
        if user % 2 == 0
    )


async def _buy(call: Call, participant: str) -> Any:
    event = {
        "id": uuid4().hex,
        "type": "purchase",
        "participant": participant,
        "amount": 2500,
        "unit": "EUR",
    }
    return await _ok(call, 201, "POST", "/events", API_KEY, msgspec.json.encode(event))


async def _ok(
    call: Call, wanted: int, method: str, path: str, token: str | None, body: bytes = b""
) -> Any:
    status, answer = await call(method, path, token, body)
    if status != wanted:
        raise RuntimeError(f"{method} {path} was answered with {status}: {answer!r}")
    return msgspec.json.decode(answer) if answer else None
