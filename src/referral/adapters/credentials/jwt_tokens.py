import base64
import hmac
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

import jwt
from jwt.utils import base64url_decode

from referral.application.access.ports import AccessClaims
from referral.domain.access.errors import InvalidAccessToken
from referral.domain.accounts.user import UserId

ALGORITHM = "HS256"
LONGEST = 4096  # characters
LEEWAY = 30  # seconds, for the clock of the process that issued the token
REMEMBERED = 4096  # tokens
ISSUER = AUDIENCE = "referral"

_CLAIMS = {"iss", "aud", "sub", "iat", "exp", "jti", "ver"}
_OPTIONS: Any = {
    "require": [*_CLAIMS],
    "strict_aud": True,
    # By PyJWT's own clock; `read` compares them with ours.
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


class JwtAccessTokens:
    """Access tokens as signed JWTs, after RFC 9068 and RFC 8725.

    The first secret signs. A token names its secret (`kid`, RFC 7515 §4.1.4) and is checked with that one alone.
    """

    def __init__(
        self,
        secrets: Sequence[str],
        ttl: timedelta,
        issuer: str = ISSUER,
        audience: str = AUDIENCE,
    ) -> None:
        self.ttl = ttl
        self._issuer = issuer
        self._audience = audience
        self._secrets = {key_id(secret): secret for secret in secrets}
        # A token comes with every call of its holder's, and to verify it costs more than a query. Remembered is what
        # holds at any time, and of genuine tokens alone: an exception is not kept.
        self._verified = lru_cache(REMEMBERED)(self._verify)

    def issue(self, claims: AccessClaims, now: datetime) -> str:
        issued_at = int(now.timestamp())
        kid, secret = next(iter(self._secrets.items()))
        return jwt.encode(
            {
                "iss": self._issuer,
                "aud": self._audience,
                "sub": str(claims.user_id),
                "iat": issued_at,
                "exp": issued_at + int(self.ttl.total_seconds()),
                "jti": uuid4().hex,
                "ver": claims.credentials_version,
            },
            secret,
            ALGORITHM,
            headers=_header(kid),
        )

    def read(self, token: str, now: datetime) -> AccessClaims:
        if len(token) > LONGEST:
            raise InvalidAccessToken
        claims, issued_at, expires_at = self._verified(token)
        last = issued_at + int(self.ttl.total_seconds())
        if not issued_at - LEEWAY <= now.timestamp() < expires_at <= last:
            raise InvalidAccessToken
        return claims

    def _verify(self, token: str) -> tuple[AccessClaims, int, int]:
        """The claims, when the token was issued and when it expires, in seconds; raise InvalidAccessToken."""
        try:
            header = jwt.get_unverified_header(token)
            secret = self._secrets[header["kid"]]
            # Nothing else is ever issued, so a critical extension or another type (RFC 9068 §2.1) is foreign.
            if header != _header(header["kid"]):
                raise InvalidAccessToken
            payload = jwt.decode(
                token,
                secret,
                [ALGORITHM],
                options=_OPTIONS,
                audience=self._audience,
                issuer=self._issuer,
            )
            issued_at, expires_at, version = payload["iat"], payload["exp"], payload["ver"]
            # PyJWT leaves open what else the payload holds, and of a name that is repeated takes the last.
            if payload.keys() != _CLAIMS:
                raise InvalidAccessToken
            for part in token.split(".")[:2]:
                _strictly(base64url_decode(part).decode())
            if not type(issued_at) is type(expires_at) is type(version) is int:
                raise InvalidAccessToken
            user_id = UUID(payload["sub"])
            if str(user_id) != payload["sub"]:
                raise InvalidAccessToken
            return AccessClaims(UserId(user_id), version), issued_at, expires_at
        except (jwt.InvalidTokenError, LookupError, ValueError, TypeError, RecursionError):
            raise InvalidAccessToken from None


def key_id(secret: str) -> str:
    """A name for a secret that tells nothing of it."""
    return base64.urlsafe_b64encode(hmac.digest(secret.encode(), b"kid", "sha256")[:9]).decode()


def _refuse_repeats(members: list[tuple[str, Any]]) -> None:
    if len(dict(members)) < len(members):
        raise InvalidAccessToken


_strictly = json.JSONDecoder(object_pairs_hook=_refuse_repeats).decode


def _header(kid: str) -> dict[str, str]:
    return {"alg": ALGORITHM, "typ": "at+jwt", "kid": kid}
