"""A self-hosted referral service. From here a script has all it needs to use it without HTTP.

>>> from referral import open_use_cases

Each name is imported when it is first asked for, so that the command line need not wait for what it does not use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from referral import errors
    from referral.entrypoints.bootstrap.container import open_use_cases
    from referral.entrypoints.bootstrap.settings import Settings

__all__ = ["Settings", "errors", "open_use_cases"]


def __getattr__(name: str) -> Any:
    match name:
        case "errors":
            return import_module("referral.errors")
        case "open_use_cases":
            return import_module("referral.entrypoints.bootstrap.container").open_use_cases
        case "Settings":
            return import_module("referral.entrypoints.bootstrap.settings").Settings
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
