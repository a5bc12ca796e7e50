"""What goes wrong is logged with where it went wrong, but not with the values it went wrong on."""

import pytest
import structlog

from referral.entrypoints.logs import configure_logging
from referral.entrypoints.settings import Settings


@pytest.fixture(autouse=True)
def _own_configuration():
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_holds_no_local_variables(log_format, capsys):
    configure_logging(Settings(log_format=log_format))
    log = structlog.get_logger()

    def checked(password):
        raise ValueError(len(password))

    try:
        checked("Q123" + "werty!23")
    except ValueError as error:
        log.exception("unexpected error", exc_info=error)

    logged = capsys.readouterr().err
    assert "ValueError" in logged
    assert "checked" in logged
    assert "Q123werty!23" not in logged
