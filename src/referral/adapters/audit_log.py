import logging
from typing import Any

import structlog

from referral.application.ports import Deed

# Every line goes out, whatever level is logged of what happens.
_AT_EVERY_LEVEL = structlog.make_filtering_bound_logger(logging.NOTSET)


class StructlogAuditLog:
    """Lines called "audit" in the log that structlog is configured for; in a program without a log there are none."""

    def __init__(self) -> None:
        self._log: Any = structlog.wrap_logger(None, wrapper_class=_AT_EVERY_LEVEL)

    def write(self, deed: Deed) -> None:
        if not structlog.is_configured():  # it would write among what the program prints
            return
        known = {
            "user_id": deed.user_id and str(deed.user_id),
            "key_id": deed.key_id and str(deed.key_id),
            "code_id": deed.code_id,
            "other_user_id": deed.other_user_id and str(deed.other_user_id),
            "other_key_id": deed.other_key_id and str(deed.other_key_id),
            "endpoint_id": deed.endpoint_id and str(deed.endpoint_id),
            "program": deed.program,
            "reason": deed.reason,
            **deed.origin,
        }
        self._log.info(
            "audit",
            action=deed.action,
            outcome=deed.outcome,
            **{name: value for name, value in known.items() if value},
        )
