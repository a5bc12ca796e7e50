"""Who calls, and from where."""

import ipaddress
from collections.abc import Sequence
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.types import BeforeRequestHookHandler

from referral.application.authenticate import Authenticate
from referral.domain.errors import InvalidAccessToken

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def bearer(authenticate: Authenticate) -> BeforeRequestHookHandler:
    """Let in who sends one valid bearer token (RFC 6750 §2.1), with their id as `request.user`.

    A hook before the request, for Litestar copies the whole route handler for each call of a guard.
    """

    async def hook(request: Request[Any, Any, Any]) -> None:
        given = [value for name, value in request.scope["headers"] if name == b"authorization"]
        if len(given) != 1:
            raise InvalidAccessToken
        credentials = given[0].decode("latin-1")
        if credentials[:7].lower() != "bearer ":
            raise InvalidAccessToken
        request.scope["user"] = await authenticate(credentials[7:])

    return hook


def client_address(
    connection: ASGIConnection[Any, Any, Any, Any], proxies: Sequence[Network]
) -> str:
    """Where the call comes from: the nearest hop that is none of one's own proxies."""
    client = connection.scope["client"]
    address = client[0] if client else ""
    hops = [
        hop.strip()
        for line in connection.headers.getall("x-forwarded-for", [])
        for hop in line.split(",")
    ]
    while hops and _is_in(address, proxies):
        address = hops.pop()
    return address


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
