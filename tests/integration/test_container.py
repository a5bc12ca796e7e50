import os
import subprocess
import sys
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent

import pytest

import referral
from examples import PASSWORD
from referral.adapters.no_rate_limits import NoRateLimits
from referral.adapters.postgres.access.rate_limiter import PostgresRateLimiter
from referral.adapters.postgres.housekeeping import PostgresHousekeeping
from referral.application.access.ports import (
    AccessTokens,
    KeyRing,
    RateLimiter,
    RefreshTokens,
    Standing,
)
from referral.application.accounts.ports import (
    CommonPasswords,
    EmailAddresses,
    PasswordHasher,
    Users,
)
from referral.application.ports import Clock, Randomness
from referral.application.programs.ports import ReferralCodes, Referrals
from referral.application.transaction import UnitOfWork
from referral.application.use_cases import UseCases
from referral.domain.programs.errors import ActiveCodeExists
from referral.entrypoints.bootstrap.container import assembled, open_use_cases
from referral.entrypoints.bootstrap.settings import Settings, SettingsError

SECRET = "0123456789abcdef0123456789abcdef"
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.fixture
def container():
    """The graph over a database that is not there: nothing in it is opened before it is used."""
    container = assembled(Settings(database_url=NOWHERE, secret=SECRET, bcrypt_cost=4))
    yield container
    container.close()


def test_the_graph_is_whole(container):
    use_cases = container.get(UseCases)

    for group in fields(use_cases):
        for use in fields(group.type):
            assert type(getattr(getattr(use_cases, group.name), use.name)) is use.type


@pytest.mark.parametrize(
    "port",
    [
        Clock,
        Randomness,
        EmailAddresses,
        CommonPasswords,
        PasswordHasher,
        AccessTokens,
        KeyRing,
        Standing,
        RateLimiter,
        Users,
        ReferralCodes,
        Referrals,
        RefreshTokens,
        UnitOfWork,
        PostgresHousekeeping,
    ],
)
def test_every_port_is_served_by_one_adapter(container, port):
    assert container.get(port) is container.get(port)


def test_what_is_revoked_is_known_where_the_list_is_kept_fresh(container):
    housekeeping = container.get(PostgresHousekeeping)

    assert housekeeping.standing is container.get(Standing)
    assert housekeeping.key_ring is container.get(KeyRing)


@pytest.mark.parametrize(
    ("switch", "limiter"), [("on", PostgresRateLimiter), ("off", NoRateLimits)]
)
def test_rate_limits_can_be_switched_off(switch, limiter):
    container = assembled(Settings(database_url=NOWHERE, secret=SECRET, rate_limits=switch))

    assert type(container.get(RateLimiter)) is limiter


async def test_the_use_cases_work_together_on_a_database(empty_database_url):
    settings = Settings(database_url=empty_database_url, secret=SECRET, bcrypt_cost=4)
    async with open_use_cases(settings) as referral:
        ann = await referral.accounts.register_user(
            username="ann", email="ann@example.org", password=PASSWORD
        )
        code = await referral.programs.issue_code(owner_id=ann.id, expires_at=in_a_year(referral))
        bob = await referral.accounts.register_user(
            username="bob", email="bob@example.org", password=PASSWORD, code=code.text.value
        )
        pair = await referral.access.log_in(username="bob@example.org", password=PASSWORD)

        with pytest.raises(ActiveCodeExists):
            await referral.programs.issue_code(owner_id=ann.id, expires_at=in_a_year(referral))

        assert (await referral.access.authenticate(pair.access_token)).user_id == bob.id
        assert (await referral.accounts.who_am_i(user_id=bob.id)).referrer_id == ann.id
        assert [
            r.id for r in (await referral.programs.list_referrals(referrer_id=ann.id)).items
        ] == [bob.id]


def in_a_year(referral):
    now = referral.programs.issue_code.clock.now()
    return now.replace(year=now.year + 1, day=1)


async def test_without_a_secret_no_database_of_ones_own_is_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REFERRAL_DATABASE_URL", NOWHERE)
    monkeypatch.delenv("REFERRAL_SECRET", raising=False)

    with pytest.raises(SettingsError, match="REFERRAL_SECRET"):
        async with open_use_cases():
            pass


def run(script, directory, **environ):
    """The output of a Python script, run as a user would, with nothing set but these."""
    source = str(Path(__file__).parents[2] / "src")
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", dedent(script)],
        cwd=directory,
        env=inherited | {"PYTHONPATH": source, "REFERRAL_BCRYPT_COST": "4"} | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


FOUR_LINES = """
    import asyncio, sys
    from referral import open_use_cases

    async def main():
        async with open_use_cases() as referral:
            ann = await referral.accounts.register_user(
                username="ann", email="ann@example.org", password="correct horse battery"
            )
            code = await referral.programs.issue_code(owner_id=ann.id, expires_at="{in_a_year}")
            print(code.text.value)

    asyncio.run(main())
    assert not {{"litestar", "granian", "uvloop", "click"}} & sys.modules.keys()
"""


@pytest.fixture
def four_lines():
    in_a_year = datetime.now(UTC) + timedelta(days=365)
    return FOUR_LINES.format(in_a_year=in_a_year.isoformat())


@pytest.mark.parametrize("name", referral.__all__)
def test_what_a_script_needs_is_there_and_is_not_imported_before_it_is_asked_for(name, tmp_path):
    output = run(
        f"""
        import sys
        import referral
        before = [name for name in sys.modules if name.startswith("referral.")]
        print(before, referral.{name} is not None)
        """,
        tmp_path,
    )

    assert output == "[] True\n"


def test_there_is_nothing_else_to_import():
    with pytest.raises(ImportError, match="nothing_of_that_name"):
        from referral import nothing_of_that_name  # noqa: F401


def test_a_script_of_four_lines_needs_no_http(four_lines, empty_database_url, tmp_path):
    output = run(
        four_lines, tmp_path, REFERRAL_DATABASE_URL=empty_database_url, REFERRAL_SECRET=SECRET
    )

    assert len(output.strip()) == 12


def test_it_needs_no_database_of_ones_own_either(four_lines, tmp_path):
    output = run(four_lines, tmp_path)

    assert len(output.strip()) == 12
    assert (tmp_path / ".referral" / "secret").exists()
