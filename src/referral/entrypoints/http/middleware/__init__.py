"""What every HTTP request goes through, in the order in which `app.py` puts it together."""

from collections.abc import Awaitable, Callable

from litestar.types import HTTPScope, Receive, Send

HttpApp = Callable[[HTTPScope, Receive, Send], Awaitable[None]]
