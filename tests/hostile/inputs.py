"""Hostile inputs, kept as data: one a line in corpora/*.jsonl, in ASCII.

A line is a text, or a list of parts that make one up. A part is a text or one of

    {"repeat": text, "times": n}    so many of it
    {"now": seconds}                the time in so many seconds, as a number
    {"base64url": parts}            the parts, encoded
    {"jwt": {…}}                    an access token that is right but for `header`, `claims`, `payload` or `end`
    {"hs256": key}                  the rest of a token: the signature of what stands before it
"""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

from referral.adapters.credentials.jwt_tokens import key_id
from servers import SECRET

FOLDER = Path(__file__).parent / "corpora"
CORPORA = sorted(file.stem for file in FOLDER.glob("*.jsonl"))

NOBODY = "00000000-0000-7000-8000-000000000001"
CLAIMS = {
    "iss": '"referral"',
    "aud": '"referral"',
    "sub": f'"{NOBODY}"',
    "iat": 0,
    "exp": 600,
    "jti": '"0"',
    "ver": "1",
}


def lines(corpus: str) -> list[str]:
    """The corpus as it is kept: one JSON value a line."""
    return (FOLDER / f"{corpus}.jsonl").read_text("ascii").splitlines()


def texts(*corpora: str) -> list[str]:
    """The inputs of these corpora, in order; characters below U+0100 may stand for bytes."""
    return [spelled(json.loads(line)) for corpus in corpora for line in lines(corpus)]


def spelled(parts: Any) -> str:
    """The text that a line of a corpus stands for."""
    text = ""
    for part in parts if isinstance(parts, list) else [parts]:
        match part:
            case str():
                text += part
            case {"repeat": repeated, "times": times}:
                text += repeated * times
            case {"now": seconds}:
                text += str(int(time.time()) + seconds)
            case {"base64url": inner}:
                text += _base64url(spelled(inner).encode("latin-1"))
            case {"hs256": key}:
                digest = hmac.digest(key.encode(), text.encode(), hashlib.sha256)
                text += "." + _base64url(digest)
            case {"jwt": changes}:
                text += _jwt(**changes)
            case _:
                raise ValueError(part)
    return text


def _jwt(
    header: Any = '{"alg":"HS256","typ":"at+jwt",KID}',
    claims: dict[str, Any] | None = None,
    payload: Any = None,
    end: Any = {"hs256": SECRET},  # noqa: B006
) -> str:
    if payload is None:
        payload = ["{", *_members({**CLAIMS, **(claims or {})}), "}"]
    header = spelled(header).replace("KID", f'"kid":"{key_id(SECRET)}"')
    return spelled([{"base64url": header}, ".", {"base64url": payload}, *_parts(end)])


def _members(claims: dict[str, Any]) -> list[Any]:
    """The claims as JSON: a number is a time from now, and null is no claim at all."""
    given = [
        [f'"{name}":', *([{"now": value}] if isinstance(value, int) else _parts(value))]
        for name, value in claims.items()
        if value is not None
    ]
    return [part for number, member in enumerate(given) for part in ([","] * (number > 0) + member)]


def _parts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
