"""Who calls, and from where."""

import ipaddress
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.types import BeforeRequestHookHandler, HTTPScope

from referral.application.access.authenticate import Authenticate
from referral.application.access.quotas import Quotas
from referral.domain.access.caller import Caller
from referral.domain.access.errors import InvalidAccessToken
from referral.entrypoints.http.middleware.concurrency import Concurrency

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Of a longer chain of proxies, or a longer hop, nobody wrote but to cost time.
MOST_HOPS = 10
LONGEST_HOP = 64
MOST_REMEMBERED = 1024
_HOP = re.compile(r"\[([^\[\]]+)\](?::[0-9]{1,5})?|([^:\[\]]+):[0-9]{1,5}|([^\[\]]+)")


class Callers:
    """Tells who calls, by the bearer token of the call (RFC 6750 §2.1): an access token or an API key.

    What it finds out is kept in the scope, for who asks next, and counted once.
    """

    def __init__(self, authenticate: Authenticate, quotas: Quotas | None = None) -> None:
        self._authenticate = authenticate
        self._quotas = quotas

    async def of(self, scope: HTTPScope) -> Caller:
        """Who calls; raise InvalidAccessToken, or QuotaExceeded for a key that made too many calls."""
        if "user" in scope:
            known: Caller = scope["user"]
            return known
        caller = await self._authenticate(_bearer_token(scope))
        if caller.key_id is not None and self._quotas is not None:
            quota = await self._quotas.count(caller.key_id)
            scope["quota"] = quota
            quota.ensure_room()
        scope["user"] = caller
        return caller


def signed_in(callers: Callers, concurrency: Concurrency) -> BeforeRequestHookHandler:
    """Let in people and servers, as `request.user`, in their turn.

    A hook before the request, for Litestar copies the whole route handler for each call of a guard.
    """

    async def hook(request: Request[Any, Any, Any]) -> None:
        caller = await callers.of(request.scope)
        await concurrency.enter(request.scope, caller.user_id or caller.key_id)

    return hook


def person(callers: Callers, concurrency: Concurrency) -> BeforeRequestHookHandler:
    """Let in people alone, as `request.user`, in their turn; a server has no account."""

    async def hook(request: Request[Any, Any, Any]) -> None:
        caller = await callers.of(request.scope)
        await concurrency.enter(request.scope, caller.person_id)

    return hook


def _bearer_token(scope: HTTPScope) -> str:
    given = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(given) != 1:
        raise InvalidAccessToken
    credentials = given[0].decode("latin-1")
    if credentials[:7].lower() != "bearer ":
        raise InvalidAccessToken
    return credentials[7:]


def caller_of(
    callers: Callers, proxies: Sequence[Network]
) -> Callable[[HTTPScope], Awaitable[str]]:
    """Tells who calls: the user or the key whose bearer token it is, or else the address it comes from."""

    async def name(scope: HTTPScope) -> str:
        try:
            return str(await callers.of(scope))
        except InvalidAccessToken:
            return f"address:{client_address(ASGIConnection(scope), proxies)}"

    return name


def in_turn_by_address(
    proxies: Sequence[Network], concurrency: Concurrency
) -> BeforeRequestHookHandler:
    """Let in anyone, and those who come from one address in their turn."""

    async def hook(request: Request[Any, Any, Any]) -> None:
        await concurrency.enter(request.scope, client_address(request, proxies))

    return hook


def client_address(
    connection: ASGIConnection[Any, Any, Any, Any], proxies: Sequence[Network]
) -> str:
    """Where the call comes from, in one form for one caller: the nearest hop that is no trusted proxy.

    An IPv6 address stands for its /64: a caller who has one of those addresses has them all. A hop that cannot be
    read is not believed, nor is what it says of others.
    """
    client = connection.scope["client"]
    hop = _read(client[0]) if client else None
    if hop is None:
        return ""
    if proxies and _is_in(hop.address, proxies):
        given = [value for name, value in connection.scope["headers"] if name == b"x-forwarded-for"]
        hops = b",".join(given).decode("latin-1").rsplit(",", MOST_HOPS)[-MOST_HOPS:]
        while hops and _is_in(hop.address, proxies) and (next_hop := _read(hops.pop().strip())):
            hop = next_hop
    return hop.caller


class _Hop(NamedTuple):
    address: Address
    caller: str


def _read(hop: str) -> _Hop | None:
    return _parsed(hop) if len(hop) <= LONGEST_HOP else None


@lru_cache(MOST_REMEMBERED)
def _parsed(hop: str) -> _Hop | None:
    match = _HOP.fullmatch(hop)
    try:
        address = ipaddress.ip_address(match[match.lastindex or 0] if match else "")
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            prefix = int(address) >> 64 << 64
            return _Hop(address, str(ipaddress.IPv6Network((prefix, 64))))
        address = address.ipv4_mapped
    return _Hop(address, str(address))


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
