"""What is recorded of what people do."""

import asyncio

import pytest

from examples import PASSWORD, in_a_week
from referral.application.access.guess_limits import PER_ACCOUNT
from referral.application.access.once import Answer
from referral.application.audit import ORIGIN, Audit
from referral.application.programs.issue_code import PER_OWNER
from referral.domain.errors import DatabaseUnavailable, ReferralError

CALLER = {"request_id": "1f", "client_address": "192.0.2.1"}


@pytest.fixture
def deeds(audit_log):
    return audit_log.deeds


@pytest.fixture
async def code(issue_code, owner, clock, deeds):
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))
    deeds.clear()
    return code


@pytest.fixture
async def pair(log_in, owner, deeds):
    pair = await log_in(username="owner", password=PASSWORD)
    deeds.clear()
    return pair


async def refused(attempt):
    with pytest.raises(ReferralError):
        await attempt


def deed(action, user=None, outcome="done", **more):
    who = {"user_id": user.id} if user else {}
    return {"action": action, "outcome": outcome, **who, **more}


async def test_l07_opening_an_account_is_recorded_with_its_id_and_the_code(sign_up, code, deeds):
    alone = await sign_up("ann")
    brought = await sign_up("bob", code=code.text.value)

    assert deeds == [
        deed("register", alone),
        deed("register", brought, code_id=code.id),
    ]


async def test_l07_an_account_that_is_not_opened_has_no_id(sign_up, owner, deeds):
    deeds.clear()

    await refused(sign_up("owner"))
    await refused(sign_up("ann", code="UNKNOWN-1"))

    assert deeds == [
        deed("register", outcome="username-taken"),
        deed("register", outcome="code-not-usable"),
    ]


async def test_l07_a_log_in_is_recorded_with_who_it_was_if_there_is_such_a_user(
    log_in, owner, deeds
):
    deeds.clear()

    await log_in(username="owner", password=PASSWORD)
    await refused(log_in(username="owner", password="wrong"))
    await refused(log_in(username="nobody", password="wrong"))

    assert deeds == [
        deed("log-in", owner),
        deed("log-in", owner, "wrong-credentials"),
        deed("log-in", outcome="wrong-credentials"),
    ]


async def test_l07_a_log_in_that_was_tried_too_often_is_recorded(log_in, owner, deeds):
    for _ in range(PER_ACCOUNT.hits):
        await refused(log_in(username="owner", password="wrong"))
    deeds.clear()

    await refused(log_in(username="owner", password=PASSWORD))
    await refused(log_in(username="owner", password=PASSWORD))

    assert [d["outcome"] for d in deeds] == ["too-many-attempts"] * 2


async def test_l07_a_refresh_is_recorded_and_so_is_a_token_that_comes_back(
    refresh_token_pair, owner, pair, deeds
):
    await refresh_token_pair(refresh_token=pair.refresh_token)
    await refused(refresh_token_pair(refresh_token=pair.refresh_token))
    await refused(refresh_token_pair(refresh_token="unknown"))

    assert deeds == [
        deed("refresh", owner),
        deed("refresh", owner, "invalid-refresh-token", reason="used before"),
        deed("refresh", outcome="invalid-refresh-token"),
    ]


async def test_l07_a_revocation_is_recorded_also_of_a_token_that_is_unknown(
    revoke_tokens, owner, pair, deeds
):
    await revoke_tokens(refresh_token=pair.refresh_token)
    await revoke_tokens(refresh_token="unknown")

    assert deeds == [deed("revoke", owner), deed("revoke", reason="unknown token")]


async def test_l07_what_needs_the_password_is_recorded(change_password, erase_user, owner, deeds):
    deeds.clear()
    new = "another password"

    await refused(change_password(user_id=owner.id, password="wrong", new_password=new))
    await change_password(user_id=owner.id, password=PASSWORD, new_password=new)
    await refused(erase_user(user_id=owner.id, password="wrong"))
    await erase_user(user_id=owner.id, password=new)

    assert deeds == [
        deed("change-password", owner, "wrong-password"),
        deed("change-password", owner),
        deed("erase-user", owner, "wrong-password"),
        deed("erase-user", owner),
    ]


async def test_l07_issuing_and_withdrawing_codes_is_recorded(
    *, issue_code, retire_code, sign_up, owner, clock, deeds
):
    bob = await sign_up("bob")
    deeds.clear()
    week = in_a_week(clock)

    code = await issue_code(owner_id=owner.id, code="SPRING-1", expires_at=week)
    await refused(issue_code(owner_id=owner.id, code="SPRING-2", expires_at=week))
    await refused(retire_code(owner_id=bob.id, code="SPRING-1"))
    await refused(retire_code(owner_id=bob.id, code="not a code"))
    await retire_code(owner_id=owner.id, code="SPRING-1")

    assert deeds == [
        deed("issue-code", owner, code_id=code.id),
        deed("issue-code", owner, "active-code-exists"),
        deed("retire-code", bob, "not-your-code", code_id=code.id),
        deed("retire-code", bob, "code-not-found"),
        deed("retire-code", owner, code_id=code.id),
    ]


async def test_l07_issuing_too_often_is_recorded(issue_code, owner, clock, code, deeds):
    for _ in range(PER_OWNER.hits):
        await refused(issue_code(owner_id=owner.id, expires_at=in_a_week(clock)))

    assert deeds[-1] == deed("issue-code", owner, "too-many-attempts")


async def test_l07_a_look_at_another_users_referrals_is_recorded_and_at_ones_own_is_not(
    list_referrals, sign_up, owner, deeds
):
    bob = await sign_up("bob")
    deeds.clear()

    await list_referrals(referrer_id=bob.id, caller_id=bob.id)
    await refused(list_referrals(referrer_id=owner.id, caller_id=bob.id))

    assert deeds == [
        deed("list-referrals", bob, "not-your-referrals", other_user_id=owner.id),
    ]


async def test_l07_looking_for_codes_is_recorded_when_it_is_too_often(
    find_code, code_status, owner, code, deeds
):
    await find_code(email="owner@example.org", caller_id=owner.id)
    await code_status(code=code.text.value, client_address="192.0.2.1")
    for _ in range(100):
        await refused(find_code(email="nobody@example.org", caller_id=owner.id))
        await refused(code_status(code="UNKNOWN-1", client_address="192.0.2.1"))

    too_often = [
        deed("find-code", owner, "too-many-attempts"),
        deed("code-status", outcome="too-many-attempts"),
    ]
    assert all(d in too_often for d in deeds)
    assert all(d in deeds for d in too_often)


async def test_l07_it_is_recorded_where_the_call_came_from(sign_up, deeds):
    before = ORIGIN.set(lambda: CALLER)
    ann = await sign_up("ann")
    ORIGIN.reset(before)

    assert deeds == [deed("register", ann, **CALLER)]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (DatabaseUnavailable(), "database-unavailable"),
        (ZeroDivisionError(), "failed"),
        (asyncio.CancelledError(), "failed"),
    ],
)
async def test_l07_what_ends_in_another_way_is_recorded_too(audit_log, owner, error, outcome):
    def fail():
        with Audit(audit_log).of("register", owner.id):
            raise error

    with pytest.raises(type(error)):
        fail()

    assert audit_log.deeds[-1] == deed("register", owner, outcome)


async def test_l07_what_was_done_under_a_key_is_written_once_it_is_committed(
    once, sign_up, store, deeds
):
    written_before_the_end = []

    async def call():
        await sign_up("ann")
        await refused(sign_up("ann"))
        written_before_the_end.extend(deeds)
        return Answer(b"answer", done=True)

    await once(caller="caller", key="key", request=b"request", call=call)
    await once(caller="caller", key="key", request=b"request", call=call)

    assert written_before_the_end == []
    assert [d["outcome"] for d in deeds] == ["done", "username-taken"]


async def test_l07_what_was_undone_with_its_key_is_not_recorded_as_done(once, sign_up, deeds):
    async def call():
        await sign_up("ann")
        await refused(sign_up("ann"))
        raise DatabaseUnavailable

    await refused(once(caller="caller", key="key", request=b"request", call=call))

    assert [d["outcome"] for d in deeds] == ["database-unavailable", "username-taken"]
