from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

import jwt

from referral.application.ports import AccessClaims
from referral.domain.errors import InvalidAccessToken
from referral.domain.user import UserId

ALGORITHM = "HS256"
LONGEST = 4096  # characters
LEEWAY = 30  # seconds, for the clock of the process that issued the token

# Nothing but this is ever issued, so a key id, a critical extension or another type (RFC 9068 §2.1) is foreign.
_HEADER = {"alg": ALGORITHM, "typ": "at+jwt"}
_CLAIMS = {"iss", "aud", "sub", "iat", "exp", "jti", "ver"}
_OPTIONS: Any = {
    "require": [*_CLAIMS],
    "strict_aud": True,
    # By PyJWT's own clock; `read` compares them with ours.
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


@dataclass(frozen=True, slots=True)
class JwtAccessTokens:
    """Access tokens as signed JWTs, after RFC 9068 and RFC 8725."""

    secret: str = field(repr=False)
    ttl: timedelta
    issuer: str = "referral"
    audience: str = "referral"

    def issue(self, claims: AccessClaims, now: datetime) -> str:
        issued_at = int(now.timestamp())
        return jwt.encode(
            {
                "iss": self.issuer,
                "aud": self.audience,
                "sub": str(claims.user_id),
                "iat": issued_at,
                "exp": issued_at + int(self.ttl.total_seconds()),
                "jti": uuid4().hex,
                "ver": claims.credentials_version,
            },
            self.secret,
            ALGORITHM,
            headers=_HEADER,
        )

    def read(self, token: str, now: datetime) -> AccessClaims:
        claims, issued_at, expires_at = _verified(token, self.secret, self.issuer, self.audience)
        last = issued_at + int(self.ttl.total_seconds())
        if not issued_at - LEEWAY <= now.timestamp() < expires_at <= last:
            raise InvalidAccessToken
        return claims


# A token comes with every call of its holder's, and to verify it costs more than a query. Remembered is what holds
# at any time, and of genuine tokens alone: an exception is not kept.
@lru_cache(maxsize=4096)
def _verified(token: str, secret: str, issuer: str, audience: str) -> tuple[AccessClaims, int, int]:
    """The claims, when the token was issued and when it expires, in seconds; raise InvalidAccessToken."""
    if len(token) > LONGEST:
        raise InvalidAccessToken
    try:
        read = jwt.decode_complete(
            token, secret, [ALGORITHM], options=_OPTIONS, audience=audience, issuer=issuer
        )
        header, payload = read["header"], read["payload"]
        issued_at, expires_at, version = payload["iat"], payload["exp"], payload["ver"]
        # PyJWT leaves open what else the header and the payload hold.
        if header != _HEADER or payload.keys() != _CLAIMS:
            raise InvalidAccessToken
        if not type(issued_at) is type(expires_at) is type(version) is int:
            raise InvalidAccessToken
        return AccessClaims(UserId(UUID(payload["sub"])), version), issued_at, expires_at
    except (jwt.InvalidTokenError, ValueError, TypeError, RecursionError):
        raise InvalidAccessToken from None
