import logging

import pytest
import structlog

from examples import an_id
from fakes import FakeAuditLog
from referral.adapters.audit_log import StructlogAuditLog
from referral.application.ports import Deed
from referral.domain.access.caller import KeyId
from referral.domain.programs.referral_code import CodeId
from referral.domain.webhooks.endpoint import EndpointId

ALL_OF_IT = Deed(
    "retire-code",
    user_id=an_id(1),
    key_id=KeyId(an_id(3)),
    code_id=CodeId(7),
    other_user_id=an_id(2),
    other_key_id=KeyId(an_id(4)),
    endpoint_id=EndpointId(an_id(5)),
    outcome="not-your-code",
    reason="a reason",
    origin={"request_id": "1f", "client_address": "192.0.2.1"},
)


class InALog:
    """The real one, in a log that only takes errors."""

    def __init__(self):
        self.captured = structlog.testing.LogCapture()
        structlog.configure(
            [self.captured], structlog.make_filtering_bound_logger(logging.CRITICAL)
        )
        self.write = StructlogAuditLog().write

    @property
    def deeds(self):
        lines = self.captured.entries
        assert {(line.pop("event"), line.pop("log_level")) for line in lines} <= {("audit", "info")}
        return lines


@pytest.fixture(params=[FakeAuditLog, InALog])
def audit_log(request):
    yield request.param()
    structlog.reset_defaults()


def as_text(deed):
    return {name: str(value) for name, value in deed.items()}


def test_all_that_is_known_of_a_deed_is_written(audit_log):
    audit_log.write(ALL_OF_IT)

    [deed] = audit_log.deeds
    assert as_text(deed) == {
        "action": "retire-code",
        "user_id": str(an_id(1)),
        "key_id": str(an_id(3)),
        "code_id": "7",
        "other_user_id": str(an_id(2)),
        "other_key_id": str(an_id(4)),
        "endpoint_id": str(an_id(5)),
        "outcome": "not-your-code",
        "reason": "a reason",
        "request_id": "1f",
        "client_address": "192.0.2.1",
    }


def test_what_is_not_known_is_left_out(audit_log):
    audit_log.write(Deed("log-in"))

    assert audit_log.deeds == [{"action": "log-in", "outcome": "done"}]


def test_deeds_are_written_in_their_order(audit_log):
    for action in ("register", "log-in", "revoke"):
        audit_log.write(Deed(action))

    assert [deed["action"] for deed in audit_log.deeds] == ["register", "log-in", "revoke"]


def test_a_program_without_a_log_prints_no_audit_lines(capsys):
    structlog.reset_defaults()  # another test may have configured it

    StructlogAuditLog().write(ALL_OF_IT)

    assert "".join(capsys.readouterr()) == ""
