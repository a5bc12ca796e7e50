"""The role that serves, and what an operator is told of other ones."""

import json
import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from clusters import Node, place
from databases import execute, query
from examples import PASSWORD
from people import FAR
from referral.adapters.embedded_postgres import embedded_postgres
from referral.adapters.embedded_postgres.programs import server_account
from referral.adapters.postgres.core.risks import Way, way_to
from referral.adapters.postgres.migrate import migrate
from referral.entrypoints.bootstrap.container import migrate_database, open_use_cases, with_database
from referral.entrypoints.bootstrap.settings import CannotStart, Settings
from servers import running

SECRET = "0123456789abcdef0123456789abcdef"
OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"

BEYOND_SERVING = {
    "a table": "CREATE TABLE more (x integer)",
    "a temporary table": "CREATE TEMPORARY TABLE more (x integer)",
    "a schema": "CREATE SCHEMA more",
    "a column": "ALTER TABLE users ADD more integer",
    "no table": "DROP TABLE users",
    "an empty table": "TRUNCATE users CASCADE",
    "a role": "CREATE ROLE more",
    "another role": "SET ROLE pg_execute_server_program",
    "a file": "SELECT pg_read_file('PG_VERSION')",
    "a program": "COPY users (username) FROM PROGRAM 'id'",
    "a setting": "ALTER SYSTEM SET log_statement = 'all'",
}


@pytest.fixture(scope="module")
def embedded_url():
    """As whom the service connects to its embedded database."""
    with place() as directory, with_database(Settings(data_dir=directory / "data")) as settings:
        yield settings.database_url


@pytest.mark.parametrize("statement", BEYOND_SERVING.values(), ids=BEYOND_SERVING)
def test_l09_the_serving_role_cannot_have(embedded_url, statement):
    with pytest.raises(asyncpg.PostgresError) as refusal:
        execute(embedded_url, statement)

    assert refusal.value.sqlstate == "42501"  # insufficient privilege


async def use_everything(settings):
    async with open_use_cases(settings) as referral:
        ann = await referral.accounts.register_user(
            username="ann", email="ann@example.org", password=PASSWORD
        )
        code = await referral.programs.issue_code(owner_id=ann.id, expires_at=FAR)
        await referral.accounts.register_user(
            username="bob", email="bob@example.org", password=PASSWORD, code=code.text.value
        )
        await referral.access.log_in(username="ann", password=PASSWORD)
        await referral.programs.retire_code(owner_id=ann.id, code=code.text.value)
        await referral.accounts.erase_user(user_id=ann.id, password=PASSWORD)


async def test_l09_it_can_do_all_that_the_service_does_also_in_a_cluster_from_before_it_was():
    with place() as directory:
        data_dir = directory / "data"
        with embedded_postgres(data_dir) as url:
            migrate(url)
            assert query(url, "SELECT FROM pg_roles WHERE rolname = 'referral'") == []

        for _ in range(2):
            with with_database(Settings(data_dir=data_dir)) as settings:
                assert query(settings.database_url, "SELECT current_user::text") == [("referral",)]

        await use_everything(Settings(data_dir=data_dir, bcrypt_cost=4))


def test_l09_a_table_of_a_later_version_can_be_used_too(databases):
    role = f"role_{uuid4().hex}"
    with databases.blank() as url:
        migrate(url, "0001", serving_role=role)

        migrate(url, serving_role=role)

        [(usable,)] = query(
            url,
            "SELECT bool_and(has_table_privilege(" + f"'{role}', oid, right_)) "
            "FROM pg_class, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS right_ "
            "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
        )
        assert usable
    execute(databases.server_url, f'DROP ROLE "{role}"')


async def test_l09_the_roles_of_the_operations_page_serve_and_migrate(databases):
    page = OPERATIONS.read_text()
    script, *_others = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    suffix = uuid4().hex
    script = re.sub(r"\breferral(_owner)?\b", rf"referral\1_{suffix}", script)
    before, after = script.split(f"\\connect referral_{suffix}\n")
    server = urlsplit(databases.server_url)

    def url(path: str, login: str = "") -> str:
        place = server.netloc.rpartition("@")[2] if login else server.netloc
        return server._replace(netloc=login + place, path=path).geturl()

    owner = url(f"/referral_{suffix}", f"referral_owner_{suffix}:choose-one@")
    serving = url(f"/referral_{suffix}", f"referral_{suffix}:choose-another@")
    try:
        execute(databases.server_url, *filter(None, map(str.strip, before.split(";"))))
        execute(url(f"/referral_{suffix}"), after)

        with pytest.raises(
            CannotStart, match=r"^The database cannot be migrated: permission denied"
        ):
            migrate_database(Settings(database_url=serving, secret=SECRET))
        migrate_database(Settings(database_url=owner, secret=SECRET))
        await use_everything(Settings(database_url=serving, secret=SECRET, bcrypt_cost=4))

        for statement in BEYOND_SERVING.values():
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                execute(serving, statement)
    finally:
        execute(databases.server_url, f"DROP DATABASE IF EXISTS referral_{suffix} WITH (FORCE)")
        execute(databases.server_url, f"DROP ROLE IF EXISTS referral_{suffix}")
        execute(databases.server_url, f"DROP ROLE IF EXISTS referral_owner_{suffix}")


@pytest.mark.parametrize(
    ("limit", "workers", "pool_size", "said"),
    [
        ("", 2, 10, ("info", "database connections", 20, 197, 9)),
        ("", 2, 100, ("warning", "too few database connections", 200, 197, 0)),
        ("ROLE referral CONNECTION LIMIT 15", 1, 10, ("info", "database connections", 10, 15, 1)),
        (
            "DATABASE referral CONNECTION LIMIT 5",
            1,
            6,
            ("warning", "too few database connections", 6, 5, 0),
        ),
    ],
)
def test_f14_a_start_tells_for_how_many_machines_the_database_has_connections(
    tmp_path, limit, workers, pool_size, said
):
    with a_node() as node:
        if limit:
            execute(node.url, f"ALTER {limit}")
        url = url_of(node, "referral")
        with running(tmp_path, url, workers=workers, pool_size=pool_size) as server:
            pass

    [line] = [line for line in server.lines() if line["event"].endswith("database connections")]
    assert (
        line["level"],
        line["event"],
        line["of_one_machine"],
        line["allowed"],
        line["machines"],
    ) == said
    assert line["workers"] == workers
    assert line["pool_size"] == pool_size


INSTALLED = sorted(path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres"))
ANOTHER_ADDRESS = "127.0.0.2"  # to a client at 127.0.0.1 a server there is on another machine
SUPERUSER = "The service connects to the database as a superuser; give it a role of its own"
IN_THE_CLEAR = "The connection to the database is not encrypted; use sslmode=verify-full"


@contextmanager
def a_node(programs=None, **settings):
    with place() as directory:
        node = Node(
            directory, settings={"listen_addresses": f"127.0.0.1,{ANOTHER_ADDRESS}", **settings}
        )
        node.programs = programs or node.programs
        node.initialise()
        try:
            migrate(node.url, serving_role="referral")
            yield node
        finally:
            node.stop("immediate")


def url_of(node, role, address="127.0.0.1"):
    return node.url.replace("postgres@127.0.0.1", f"{role}@{address}")


@pytest.mark.parametrize(
    ("role", "address", "risks"),
    [
        ("referral", "127.0.0.1", []),
        ("postgres", "127.0.0.1", [SUPERUSER]),
        ("referral", ANOTHER_ADDRESS, [IN_THE_CLEAR]),
        ("postgres", ANOTHER_ADDRESS, [SUPERUSER, IN_THE_CLEAR]),
    ],
)
def test_l06_a_superuser_and_a_connection_in_the_clear_are_warned_about(
    node, tmp_path, role, address, risks
):
    with running(tmp_path, url_of(node, role, address), log_level="warning", workers=2) as server:
        pass

    lines = map(json.loads, re.findall(r"^{.*}$", server.log.read_text(), re.MULTILINE))
    warned = [(line["level"], line["risk"]) for line in lines if "risk" in line]
    assert warned == [("warning", risk) for risk in risks]


@pytest.fixture(scope="module")
def node():
    with a_node() as node:
        yield node


@pytest.fixture
def certificate():
    """The settings of a server that has a certificate."""
    with place() as directory:
        key, certificate = directory / "tls.key", directory / "tls.crt"
        make = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "1",
            "-subj",
            "/CN=localhost",
            "-keyout",
        ]
        subprocess.run([*make, key, "-out", certificate], check=True, capture_output=True)
        os.chown(key, *server_account())
        yield {"ssl": "on", "ssl_key_file": key, "ssl_cert_file": certificate}


@pytest.mark.skipif(
    not (INSTALLED and shutil.which("openssl")),
    reason="needs openssl and a PostgreSQL that is installed: the embedded one does no TLS",
)
async def test_l06_an_encrypted_connection_is_not_warned_about(certificate):
    with a_node(INSTALLED[-1], **certificate) as node:
        url = url_of(node, "referral", ANOTHER_ADDRESS)

        assert (await way_to(f"{url}?sslmode=disable")).risks == (IN_THE_CLEAR,)
        assert (await way_to(f"{url}?sslmode=require")).risks == ()


async def test_l06_a_database_that_is_away_is_not_waited_for():
    assert await way_to("postgresql://nobody@127.0.0.1:1/nothing") == Way()
