"""What the machine can do: the calls of the benchmark, written by hand on bare ASGI, and nothing else.

It checks the same tokens, and remembers them as the service does; it runs the same SQL on asyncpg's connections, kept
in the cheapest way, a list, and encodes with msgspec. It has no rules, no limits, no log, no counts and no problems:
the service cannot be faster, and wants to be close.
"""

import asyncio
import gc
import hashlib
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any
from urllib.parse import parse_qs, unquote
from uuid import UUID, uuid4

import bcrypt
import jwt
import msgspec
from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops

from bench.bare import Connection, body_of, encode, fetch_row, fetch_rows, new_id
from bench.ceiling_of_servers import answer_to_server
from referral.adapters.postgres.access.refresh_tokens import _ADD as _ADD_TOKEN
from referral.adapters.postgres.access.refresh_tokens import _BY_DIGEST as _TOKEN_BY_DIGEST
from referral.adapters.postgres.access.refresh_tokens import _LOCK_HOLDER
from referral.adapters.postgres.access.refresh_tokens import _SAVE as _SPEND_TOKEN
from referral.adapters.postgres.accounts.user_rows import _ADD as _ADD_USER
from referral.adapters.postgres.accounts.users import _BY_USERNAME, _TAKEN
from referral.adapters.postgres.accounts.users import _LOCK as _LOCK_USER
from referral.adapters.postgres.programs.issuing import ADD
from referral.adapters.postgres.programs.referral_codes import (
    _ACTIVE_BY_EMAIL,
    _BY_TEXT,
    _PAGE,
    _RETIRE,
)
from referral.adapters.postgres.programs.referral_pages import PAGE

SECRET = os.environ.get("REFERRAL_SECRET", "")


class NewCode(msgspec.Struct):
    expires_at: datetime


class NewUser(msgspec.Struct):
    username: str
    email: str
    password: str


class TokenRequest(msgspec.Struct):
    refresh_token: str = ""
    username: str = ""
    password: str = ""


NEW_CODE = msgspec.json.Decoder(NewCode).decode
NEW_USER = msgspec.json.Decoder(NewUser).decode
TOKEN_REQUEST = msgspec.json.Decoder(TokenRequest).decode


class Ceiling:
    def __init__(self) -> None:
        self.threads = ThreadPoolExecutor(os.cpu_count())
        self.revision: UUID | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.live(receive, send)
            return
        status, body = await self.answer(scope, receive)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def live(self, receive: Any, send: Any) -> None:
        await receive()
        gc.collect()
        gc.freeze()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for connection in Connection.idle:
            await connection.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def answer(self, scope: Any, receive: Any) -> tuple[int, bytes]:
        method, path = scope["method"], scope["path"].removeprefix("/api/v1/").split("/")
        match method, *path:
            case "GET", "", "health", "ready":
                return 200, b"{}"
            case "GET", "codes", text, "status":
                return await self.code_status(text)
            case "GET", "codes":
                return await self.own_codes(caller(scope), scope)
            case "GET", "codes", email:
                caller(scope)
                return await self.find_code(unquote(email))
            case "GET", "users", user_id:
                return await self.referrals(caller(scope), UUID(user_id), scope)
            case "POST", "codes":
                return await self.issue(caller(scope), NEW_CODE(await body_of(receive)))
            case "DELETE", "codes", text:
                return await self.retire(caller(scope), text)
            case "POST", "auth", "user":
                return await self.register(NEW_USER(await body_of(receive)))
            case "POST", "auth", "token":
                asked = TOKEN_REQUEST(await body_of(receive))
                return await (self.refresh(asked) if asked.refresh_token else self.log_in(asked))
        return await answer_to_server(scope, receive, path)

    async def code_status(self, text: str) -> tuple[int, bytes]:
        row = await fetch_row(_BY_TEXT, *_BY_TEXT.arguments({"text": text}))
        return 200, encode(
            {
                "code": row["text"],
                "is_active": is_active(row),
                "expires_at": row["expires_at"],
            }
        )

    async def own_codes(self, user_id: UUID, scope: Any) -> tuple[int, bytes]:
        page, size = page_of(scope)
        rows = await fetch_rows(
            _PAGE,
            *_PAGE.arguments({"owner": user_id, "size": size, "offset": (page - 1) * size}),
        )
        total = rows[0]["total"]
        return 200, encode(
            {
                "items": [code(row) for row in rows],
                "total": total,
                "page": page,
                "size": size,
                "pages": -(-total // size),
            }
        )

    async def find_code(self, email: str) -> tuple[int, bytes]:
        values = {"email_key": email.lower(), "now": datetime.now(UTC)}
        row = await fetch_row(_ACTIVE_BY_EMAIL, *_ACTIVE_BY_EMAIL.arguments(values))
        user = {"id": row["owner_id"], "email": row["email"], "username": row["username"]}
        return 200, encode({**code(row), "user": user})

    async def referrals(self, user_id: UUID, asked: UUID, scope: Any) -> tuple[int, bytes]:
        if user_id != asked:
            return 403, b""
        page, size = page_of(scope)
        values = {
            "referrer_id": user_id,
            "size": size,
            "offset": (page - 1) * size,
            "cursor": None,
        }
        rows = await fetch_rows(PAGE, *PAGE.arguments(values))
        total = rows[0]["referrals_count"]
        return 200, encode(
            {
                "items": [
                    {
                        "id": row["referee_id"],
                        "email": row["email"],
                        "username": row["username"],
                        "created_at": row["created_at"],
                    }
                    for row in rows
                ],
                "total": total,
                "page": page,
                "size": size,
                "pages": -(-total // size),
                "next_cursor": str(rows[-1]["number"]),
            }
        )

    async def issue(self, user_id: UUID, new: NewCode) -> tuple[int, bytes]:
        values = {
            "owner_id": user_id,
            "text": secrets.token_hex(6).upper(),
            "issued_at": datetime.now(UTC),
            "expires_at": new.expires_at,
            "program_id": 1,
            "revision": await self.revision_of_default(),
            "max_uses": None,
        }
        added = await fetch_row(ADD, *ADD.arguments(values))
        return 201, encode(code(added))

    async def revision_of_default(self) -> UUID:
        if self.revision is None:
            async with Connection() as connection:
                self.revision = await connection.fetchval(
                    "SELECT revision FROM programs WHERE id = 1"
                )
        return self.revision

    async def retire(self, user_id: UUID, text: str) -> tuple[int, bytes]:
        async with Connection() as connection, connection.transaction():
            await connection.fetchrow(_LOCK_USER.sql, user_id)
            row = await connection.fetchrow(_BY_TEXT.sql, *_BY_TEXT.arguments({"text": text}))
            if row["owner_id"] != user_id:
                return 403, b""
            values = {"code_id": row["id"], "now": datetime.now(UTC)}
            await connection.fetchrow(_RETIRE.sql, *_RETIRE.arguments(values))
        return 204, b""

    async def register(self, new: NewUser) -> tuple[int, bytes]:
        user = {
            "id": new_id(),
            "external_id": None,
            "locale": None,
            "username": new.username,
            "username_key": new.username.lower(),
            "email": new.email,
            "email_key": new.email.lower(),
            "credentials_version": 1,
            "created_at": datetime.now(UTC),
        }
        if await fetch_row(_TAKEN, *_TAKEN.arguments(user)):
            return 409, b""
        made = await asyncio.get_running_loop().run_in_executor(
            self.threads, lambda: bcrypt.hashpw(new.password.encode(), bcrypt.gensalt(4))
        )
        user["password_hash"] = made.decode()
        await fetch_row(_ADD_USER, *_ADD_USER.arguments(user))
        return 201, encode({"id": user["id"], "email": new.email, "username": new.username})

    async def log_in(self, asked: TokenRequest) -> tuple[int, bytes]:
        holder = await fetch_row(_BY_USERNAME, asked.username.lower())
        right = await asyncio.get_running_loop().run_in_executor(
            self.threads,
            bcrypt.checkpw,
            asked.password.encode(),
            holder["password_hash"].encode(),
        )
        if not right:
            return 401, b""
        answer, token = pair(holder, uuid4())
        await fetch_row(_ADD_TOKEN, *_ADD_TOKEN.arguments(token))
        return 200, answer

    async def refresh(self, asked: TokenRequest) -> tuple[int, bytes]:
        async with Connection() as connection, connection.transaction():
            digest = hashlib.sha256(asked.refresh_token.encode()).digest()
            holder = await connection.fetchrow(_LOCK_HOLDER.sql, digest)
            spent = await connection.fetchrow(_TOKEN_BY_DIGEST.sql, digest)
            if holder is None or spent is None or spent["spent_at"] is not None:
                return 400, b""
            answer, token = pair(holder, spent["family_id"])
            values = {"which": spent["digest"], "spent": datetime.now(UTC)}
            await connection.fetchrow(_SPEND_TOKEN.sql, *_SPEND_TOKEN.arguments(values))
            await connection.fetchrow(_ADD_TOKEN.sql, *_ADD_TOKEN.arguments(token))
        return 200, answer


def pair(holder: Any, family: UUID) -> tuple[bytes, dict[str, Any]]:
    now, refresh_token = int(time.time()), secrets.token_urlsafe(32)
    access_token = jwt.encode(
        {
            "iss": "referral",
            "aud": "referral",
            "sub": str(holder["user_id"]),
            "iat": now,
            "exp": now + 900,
            "jti": uuid4().hex,
            "ver": holder["credentials_version"],
        },
        SECRET,
        "HS256",
        headers={"alg": "HS256", "typ": "at+jwt"},
    )
    answer = {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": 900,
        "refresh_token": refresh_token,
    }
    token = {
        "digest": hashlib.sha256(refresh_token.encode()).digest(),
        "family_id": family,
        "user_id": holder["user_id"],
        "credentials_version": holder["credentials_version"],
        "expires_at": datetime.now(UTC) + timedelta(days=30),
        "spent_at": None,
    }
    return encode(answer), token


def caller(scope: Any) -> UUID:
    token = next(value for name, value in scope["headers"] if name == b"authorization")
    user_id, expires_at = verified(token[7:])
    if time.time() >= expires_at:
        raise jwt.ExpiredSignatureError
    return user_id


@lru_cache(4096)
def verified(token: bytes) -> tuple[UUID, int]:
    claims = jwt.decode(token, SECRET, ["HS256"], audience="referral", issuer="referral")
    return UUID(claims["sub"]), claims["exp"]


def page_of(scope: Any) -> tuple[int, int]:
    query = parse_qs(scope["query_string"].decode())
    return int(query.get("page", ["1"])[0]), int(query.get("size", ["50"])[0])


def is_active(row: Any) -> bool:
    return row["retired_at"] is None and datetime.now(UTC) < row["expires_at"]


def code(row: Any) -> dict[str, Any]:
    return {
        "id": row["id"],
        "user_id": row["owner_id"],
        "code": row["text"],
        "expires_at": row["expires_at"],
        "is_active": is_active(row),
    }


if __name__ == "__main__":
    Granian(
        "ceiling",
        port=int(os.environ["REFERRAL_PORT"]),
        interface=Interfaces.ASGI,
        workers=1,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
    ).serve(target_loader=partial(Ceiling), wrap_loader=False)
