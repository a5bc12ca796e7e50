"""What `Database` promises of its connections, beside what the faults show."""

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    Table,
    bindparam,
    func,
    insert,
    literal,
    select,
    update,
)

from concurrency import has_to_wait
from databases import execute, query
from proxies import black_hole, forgetting, proxy_before
from referral.adapters.postgres.core import pool as pool_module
from referral.adapters.postgres.core.connector import Connector, url_of_each_host
from referral.adapters.postgres.core.database import Database
from referral.adapters.postgres.core.joint import JOINT, JoiningQueries, Joint
from referral.adapters.postgres.core.patience import begin_call
from referral.adapters.postgres.core.pool import Pool
from referral.adapters.postgres.core.statement import Statement
from referral.domain.errors import DatabaseUnavailable, OutcomeUnknown

WHICH_CONNECTION = Statement(select(func.pg_backend_pid().label("which")))
SLEEP = Statement(select(func.pg_sleep(bindparam("seconds", type_=Integer))))
A_DEFECT = Statement(select(literal(1) / func.length("")))

things = Table("things", MetaData(), Column("id", Integer, primary_key=True), Column("n", Integer))
ADD = Statement(insert(things).values(id=bindparam("thing"), n=0))
ADD_ON_THE_SIDE = Statement(insert(things).values(id=bindparam("thing"), n=0), on_the_side=True)
CHANGE = Statement(update(things).values(n=things.c.n + 1).where(things.c.id == bindparam("thing")))
CHANGE_BOTH = Statement(update(things).values(n=things.c.n + 1))
LOST = int.from_bytes(b"lost")  # as it is on its way to the server
COUNT = Statement(select(func.count().label("n")).select_from(things))


@pytest.fixture
def url(databases):
    with databases.blank() as url:
        execute(url, "CREATE TABLE things (id integer PRIMARY KEY, n integer)")
        execute(url, "INSERT INTO things VALUES (1, 0), (2, 0)")
        yield url


@pytest.fixture
async def database(url):
    # asyncpg complains of a connection that is given up while it asks for encryption.
    plain = f"{url}{'&' if '?' in url else '?'}sslmode=disable"
    async with Database(plain, pool_size=2) as database:
        yield database


async def which(queries) -> int:
    return (await queries.one(WHICH_CONNECTION))["which"]


def others_at(url, what="true") -> int:
    [(number,)] = query(
        url,
        "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        f" AND datname = current_database() AND {what}",
    )
    return number


# --- connections are kept


def test_a_statement_that_writes_in_a_part_of_it_writes():
    added = insert(things).values(id=1).returning(things.c.id).cte("added")

    assert Statement(select(added.c.id)).writes
    assert not Statement(select(select(things.c.id).cte("found").c.id)).writes


async def test_the_connection_used_last_is_used_again(database):
    first = await which(database)

    assert await which(database) == first


async def test_nobody_else_uses_a_connection_until_it_is_given_back(database):
    async with database.connection() as mine:
        assert await which(database) != await which(mine)


async def test_there_are_never_more_connections_than_the_pool_is_wide(database):
    used = await asyncio.gather(*(which(database) for _ in range(20)))

    assert len(set(used)) <= 2


async def test_a_connection_that_nobody_used_for_long_is_thrown_away(database, monkeypatch):
    before = await which(database)
    monkeypatch.setattr(pool_module, "IDLE_SECONDS", 0)

    assert await which(database) != before


async def test_an_error_of_the_block_gives_the_connection_back_unharmed(database):
    with suppress(LookupError):
        async with database.connection() as connection:
            before = await which(connection)
            raise LookupError

    assert await which(database) == before


async def test_a_defect_of_a_statement_comes_out_as_it_is_and_harms_no_connection(database):
    before = await which(database)

    with pytest.raises(asyncpg.DivisionByZeroError) as defect:
        await database.one(A_DEFECT)

    assert defect.value.__cause__ is None
    assert await which(database) == before


# --- no place in the pool is lost


async def test_a_connection_that_was_interrupted_is_thrown_away(database):
    before = await which(database)
    asleep = asyncio.create_task(database.one(SLEEP, seconds=1))
    assert await has_to_wait(asleep)

    asleep.cancel()
    await asyncio.wait([asleep])

    assert await which(database) != before


async def test_f26_two_thousand_cancelled_calls_leave_no_connection_in_use(database, url):
    calls = [asyncio.create_task(database.one(SLEEP, seconds=1)) for _ in range(2000)]
    for n, call in enumerate(calls):
        call.cancel()
        if n % 20 == 0:  # let some of them get further
            await asyncio.sleep(0.001)
    await asyncio.wait(calls)
    await asyncio.gather(*database.pool._making)

    assert database.pool.in_use == 0
    async with database.connection() as one, database.connection() as other:
        assert await which(one) != await which(other)


async def test_connections_that_break_leave_their_places(database, url):
    for _ in range(3):
        async with AsyncExitStack() as stack:
            stack.enter_context(suppress(DatabaseUnavailable))
            connections = [await stack.enter_async_context(database.connection()) for _ in range(2)]
            execute(url, f"SELECT pg_terminate_backend({await which(connections[0])})")
            await which(connections[0])

    assert database.pool.in_use == 0


async def test_connections_that_are_refused_leave_their_places():
    async with Database("postgresql://nobody@127.0.0.1:1/nothing", pool_size=2) as database:
        for _ in range(5):
            with pytest.raises(DatabaseUnavailable):
                await which(database)

        assert database.pool.in_use == 0


# --- who is refused is refused in good time


async def test_f12_who_gets_no_connection_is_refused_within_a_second(database):
    async with database.connection(), database.connection():
        started = time.monotonic()
        with pytest.raises(DatabaseUnavailable):
            await which(database)
        assert time.monotonic() - started <= 1

    assert await which(database)


async def test_the_times_to_wait_do_not_add_up(database):
    async def hold_back():
        async with database.connection():
            await asyncio.sleep(0.7)

    held = [asyncio.create_task(hold_back()) for _ in range(2)]
    await asyncio.sleep(0)

    async def sleep_twice():
        async with database.transaction() as transaction:
            await transaction.one(SLEEP, seconds=1)
            await transaction.one(SLEEP, seconds=1)

    started = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        await sleep_twice()

    assert time.monotonic() - started < 2
    await asyncio.gather(*held)


async def test_nor_do_those_of_one_call(database):
    async def a_call():
        begin_call()
        for _ in range(3):
            await database.one(SLEEP, seconds=1)

    started = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        await asyncio.create_task(a_call())

    assert time.monotonic() - started < 2


async def test_f13_a_slow_statement_is_ended_by_the_server(database, url):
    before = await which(database)

    with pytest.raises(DatabaseUnavailable) as refused:
        await database.one(SLEEP, seconds=30)

    assert isinstance(refused.value.__cause__, asyncpg.QueryCanceledError)
    assert others_at(url, "state <> 'idle'") == 0
    assert await which(database) == before


async def test_f13_who_waits_for_a_lock_is_refused_by_the_server(database, url):
    before = await which(database)
    holder = await asyncpg.connect(url)
    async with holder.transaction():
        await holder.execute("UPDATE things SET n = 7 WHERE id = 1")

        started = time.monotonic()
        with pytest.raises(DatabaseUnavailable) as refused:
            await database.one(CHANGE, thing=1)
        assert time.monotonic() - started < 2
    await holder.close()

    assert isinstance(refused.value.__cause__, asyncpg.LockNotAvailableError)
    assert await which(database) == before


async def test_f14_who_is_refused_a_connection_waits_for_one_in_use(databases, url):
    parts = urlsplit(url)
    with_limit = parts._replace(
        netloc=f"limited:limited@{parts.netloc.rpartition('@')[2]}"
    ).geturl()
    execute(url, "CREATE ROLE limited LOGIN PASSWORD 'limited' CONNECTION LIMIT 2")
    try:
        async with Database(with_limit, pool_size=10) as database:
            used = await asyncio.gather(*(which(database) for _ in range(30)))

            assert len(set(used)) <= 2
            if database.pool._making:  # for one who has been served meanwhile
                await asyncio.wait(database.pool._making)
            assert database.pool.in_use == 0
    finally:
        execute(url, "DROP ROLE limited")


async def test_who_waits_for_a_new_connection_takes_one_that_comes_free_before(url):
    @dataclass(slots=True)
    class OnlyTheFirst(Connector):
        asked: int = 0
        asked_again: asyncio.Event = field(default_factory=asyncio.Event)

        async def connect(self):
            self.asked += 1
            if self.asked > 1:
                self.asked_again.set()
                await asyncio.Event().wait()
            return await Connector.connect(self)

    pool = Pool(OnlyTheFirst(url, statement_cache_size=0), size=2)
    first = await pool.take(1)
    second = asyncio.create_task(pool.take(1))
    await pool.connector.asked_again.wait()
    pool.release(first, pool.generation, usable=True)

    assert await second is first
    pool.release(first, pool.generation, usable=True)
    pool.close()


# --- what was undone for no reason of its own is tried again


@pytest.fixture
def quick_deadlocks(url):
    """Deadlocks are found before anyone gives up, however the server is set up."""
    execute(url, f"ALTER DATABASE {urlsplit(url).path[1:]} SET deadlock_timeout = '400ms'")


async def test_f25_the_victim_of_a_deadlock_is_tried_again(database, url, quick_deadlocks):
    async def change(first, second):
        async with database.transaction() as transaction:
            await transaction.one(CHANGE, thing=first)
            await asyncio.sleep(0.1)
            await transaction.one(CHANGE, thing=second)

    async def in_a_call(first, second):
        await database.again(lambda _: change(first, second))

    await asyncio.gather(in_a_call(1, 2), in_a_call(2, 1))

    assert query(url, "SELECT n FROM things") == [(2,), (2,)]


async def test_f25_so_is_a_single_statement(database, url, quick_deadlocks):
    holder = await asyncpg.connect(url)
    async with holder.transaction():
        await holder.execute("UPDATE things SET n = 7 WHERE id = 2")
        waiting = asyncio.create_task(database.one(CHANGE_BOTH))
        assert await has_to_wait(waiting)
        await holder.execute("SET LOCAL deadlock_timeout = '10s'")
        await holder.execute("UPDATE things SET n = 7 WHERE id = 1")
    await holder.close()

    await waiting
    assert query(url, "SELECT n FROM things") == [(8,), (8,)]


async def test_f25_who_is_a_victim_again_and_again_is_refused(database):
    tries = []

    async def lose(_):
        tries.append(1)
        raise DatabaseUnavailable(was_undone=True)

    with pytest.raises(DatabaseUnavailable):
        await database.again(lose)

    assert len(tries) == 4


# --- to a server that can be written to


async def test_a_host_that_says_nothing_holds_up_nobody(url):
    with black_hole() as port, proxy_before(url) as proxy:
        parts = urlsplit(proxy.url)
        both = parts._replace(
            netloc=parts.netloc.replace("127.0.0.1", f"127.0.0.1:{port},127.0.0.1")
        ).geturl()
        async with Database(both) as database:
            started = time.monotonic()
            await database.one(CHANGE, thing=1)
            assert time.monotonic() - started < 1

            async with database.connection():  # so that the next one is new
                started = time.monotonic()
                await database.one(CHANGE, thing=1)
                assert time.monotonic() - started < 0.2, "it tries the good host first"


@pytest.mark.parametrize(
    ("url", "urls"),
    [
        ("postgresql://a/db", ["postgresql://a/db"]),
        ("postgresql:///db?host=/run/pg", ["postgresql:///db?host=/run/pg"]),
        (
            "postgresql://me:p%40ss@a:1,[::1]:2,c/db?sslmode=require",
            [
                "postgresql://me:p%40ss@a:1/db?sslmode=require",
                "postgresql://me:p%40ss@[::1]:2/db?sslmode=require",
                "postgresql://me:p%40ss@c/db?sslmode=require",
            ],
        ),
        (
            "postgresql:///db?host=a,b&port=1,2",
            ["postgresql:///db?host=a&port=1", "postgresql:///db?host=b&port=2"],
        ),
        (
            "postgresql://me@/db?host=a,b&port=1",
            ["postgresql://me@/db?host=a&port=1", "postgresql://me@/db?host=b&port=1"],
        ),
        ("postgresql:///db?host=a,b,c&port=1,2", ["postgresql:///db?host=a,b,c&port=1,2"]),
    ],
)
def test_each_host_of_a_url_has_a_url(url, urls):
    assert url_of_each_host(url) == urls


async def test_a_server_that_takes_no_writes_is_not_used(url):
    execute(url, f"ALTER DATABASE {urlsplit(url).path[1:]} SET default_transaction_read_only = on")

    async with Database(url) as database:
        with pytest.raises(DatabaseUnavailable):
            await database.one(COUNT)
        assert database.pool.in_use == 0


async def test_f07_a_server_that_takes_no_writes_any_more_is_left_at_once(url, database):
    async with database.connection() as one, database.connection() as other:
        pids = {await which(one), await which(other)}
        await one.command("SET default_transaction_read_only = on")

    await database.one(CHANGE, thing=1)

    assert await which(database) not in pids
    assert others_at(url) == 1


# --- what is known of a write that was not answered


@pytest.fixture
async def lossy(url):
    """A database behind a proxy that loses answers."""
    with proxy_before(url) as proxy:
        async with Database(proxy.url) as database:
            yield database, proxy


@pytest.mark.parametrize("breaks", [False, True])
@pytest.mark.parametrize("statement", [ADD, ADD_ON_THE_SIDE])
async def test_f08_the_outcome_of_a_write_without_an_answer_is_unknown(
    lossy, url, statement, breaks
):
    database, proxy = lossy
    await database.one(statement, thing=3)
    proxy.breaks = breaks
    proxy.lost_after = b"lost"

    expected = DatabaseUnavailable if statement.on_the_side else OutcomeUnknown
    started = time.monotonic()
    with pytest.raises(expected):
        await database.one(statement, thing=LOST)

    assert time.monotonic() - started < 2
    assert database.pool.in_use == 0
    assert proxy.lost.is_set()
    assert query(url, f"SELECT n FROM things WHERE id = {LOST}") == [(0,)], "but it was done"


async def test_f08_what_could_not_be_sent_was_surely_not_done(lossy, url):
    database, proxy = lossy
    proxy.target = "postgresql://127.0.0.1:1/nothing"

    with pytest.raises(DatabaseUnavailable):
        await database.one(ADD, thing=3)


async def add_in_a_transaction(database):
    async with database.transaction() as transaction:
        await transaction.one(ADD, thing=3)


async def test_f08_the_outcome_of_a_commit_without_an_answer_is_unknown(lossy, url):
    database, proxy = lossy
    proxy.lost_after = b"COMMIT"

    with pytest.raises(OutcomeUnknown):
        await add_in_a_transaction(database)

    assert proxy.lost.is_set()
    assert query(url, "SELECT n FROM things WHERE id = 3") == [(0,)]


async def test_f08_what_was_not_committed_was_surely_not_done(lossy, url):
    database, proxy = lossy
    proxy.lost_after = b"INSERT"

    with pytest.raises(DatabaseUnavailable):
        await add_in_a_transaction(database)

    assert query(url, "SELECT n FROM things WHERE id = 3") == []


async def test_f08_nor_was_a_read_without_an_answer(lossy):
    database, proxy = lossy
    proxy.lost_after = b"count"

    with pytest.raises(DatabaseUnavailable):
        await database.one(COUNT)


async def test_f10_a_connection_that_was_forgotten_silently_is_left_within_a_second(url):
    with proxy_before(url) as proxy, forgetting(proxy.port) as forget:
        async with Database(proxy.url) as database:
            async with database.connection() as one, database.connection() as other:
                await asyncio.gather(which(one), which(other))
            forget()

            started = time.monotonic()
            with pytest.raises(DatabaseUnavailable):
                await which(database)
            assert time.monotonic() - started < 1.2
            assert await which(database), "the other one is not tried"


async def test_what_belongs_together_needs_one_connection(url):
    async with Database(url, pool_size=1) as database, AsyncExitStack() as stack:
        joint = JOINT.set(Joint(database, stack))
        queries = JoiningQueries(database)

        await queries.execute(ADD, thing=3)
        [row] = await queries.all(COUNT)

        JOINT.reset(joint)
    assert row["n"] == 3


async def test_f07_what_belongs_to_a_transaction_on_a_server_that_became_read_only_is_not_done_again(
    database,
):
    async with database.connection() as one:
        await one.command("SET default_transaction_read_only = on")

    async with AsyncExitStack() as stack:
        with pytest.raises(DatabaseUnavailable) as refused:
            await Joint(database, stack).one(CHANGE, thing=1)

    assert not refused.value.was_undone
