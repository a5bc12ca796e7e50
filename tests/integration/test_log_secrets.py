"""What goes wrong is logged with where it went wrong, but not with the values it went wrong on."""

import pytest
import structlog

from referral.entrypoints.bootstrap.logs import logging_to_stderr
from referral.entrypoints.bootstrap.settings import Settings


@pytest.fixture(autouse=True)
def _own_configuration():
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_holds_no_local_variables(log_format, capfd):

    def checked(password):
        raise ValueError(len(password))

    with logging_to_stderr(Settings(log_format=log_format)):
        try:
            checked("Q123" + "werty!23")
        except ValueError as error:
            structlog.get_logger().exception("unexpected error", exc_info=error)

    logged = capfd.readouterr().err
    assert "ValueError" in logged
    assert "checked" in logged
    assert "Q123werty!23" not in logged
