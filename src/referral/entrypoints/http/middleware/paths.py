import re
from collections.abc import Awaitable
from urllib.parse import unquote_to_bytes

from litestar.types import HTTPScope, Receive, Send
from litestar.utils import normalize_path

from referral.entrypoints.http.middleware import HttpApp
from referral.entrypoints.http.problems.answers import refuse
from referral.entrypoints.http.problems.types import AddressNotFound

SLASH = (
    "\ufdd0"  # stands for a slash that separates nothing; no address and no code has this character
)
MAX_PATH = 1024  # characters; Litestar remembers the paths it was asked for

_ENCODED_SLASH = re.compile(rb"%2[Ff]")


class Paths:
    """Spells a path in one way for all that follows: without a slash at its end, as Litestar looks it up.

    A slash that is written as %2F is kept apart from those that separate (RFC 3986 §2.2): it becomes SLASH.
    """

    def __init__(self, app: HttpApp) -> None:
        self.app = app

    def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> Awaitable[None]:
        if len(scope["path"]) > MAX_PATH:
            return refuse(AddressNotFound(), scope, send)
        if b"%" in scope["raw_path"]:
            parts = map(unquote_to_bytes, _ENCODED_SLASH.split(scope["raw_path"]))
            scope["path"] = SLASH.join(part.decode(errors="replace") for part in parts)
        scope["path"] = normalize_path(scope["path"])
        return self.app(scope, receive, send)
