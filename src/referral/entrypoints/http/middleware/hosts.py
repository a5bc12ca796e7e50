import re
from collections.abc import Awaitable, Sequence
from ipaddress import ip_address

from litestar.types import HTTPScope, Receive, Send

from referral.entrypoints.http.middleware import HttpApp
from referral.entrypoints.http.problems.answers import refuse
from referral.entrypoints.http.problems.types import MalformedRequest, UnknownHost

_HOST = re.compile(rb"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{0,5})?")


class Hosts:
    """Refuses a request that names no host, or two (RFC 9112 §3.2), or one that is not among the allowed.

    `allowed` are names, `*.name` for all below it, or `*` for any. An IP address is always allowed: a web page can give
    this service a name of its own to reach it through a browser (DNS rebinding), but no address of its own.
    """

    def __init__(self, app: HttpApp, allowed: Sequence[str]) -> None:
        self.app = app
        names = [name.lower() for name in allowed]
        self._any = "*" in names
        self._names = {name for name in names if not name.startswith("*")}
        self._ends = tuple(name[1:] for name in names if name.startswith("*."))
        self._last: list[bytes] = []  # most callers name the same host again and again

    def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> Awaitable[None]:
        given = [value for name, value in scope["headers"] if name == b"host"]
        if given != self._last or not given:
            well_formed = _HOST.fullmatch(given[0]) if len(given) == 1 else None
            if well_formed is None:
                return refuse(MalformedRequest("Name one host in the header `Host`."), scope, send)
            if not self._is_allowed(well_formed[1] or well_formed[2]):
                return refuse(UnknownHost(), scope, send)
            self._last = given
        return self.app(scope, receive, send)

    def _is_allowed(self, host: bytes) -> bool:
        name = host.decode().lower().removesuffix(".")
        if self._any or name in self._names or name.endswith(self._ends):
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True
