"""The use cases against each other on PostgreSQL, twenty at once.

Each must end as one of them alone could have: nothing deadlocks, nothing times out, nothing is half done.
"""

import asyncio
from contextlib import suppress
from functools import partial

import pytest

from concurrency import has_to_wait, outcomes_of
from databases import query
from examples import PASSWORD
from referral.domain.programs.errors import ActiveCodeExists, CodeNotFound, CodeNotUsable
from referral.domain.programs.referral_code import CodeText
from referral.entrypoints.bootstrap.container import open_use_cases
from referral.entrypoints.bootstrap.settings import Settings

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
async def referral(empty_database_url):
    settings = Settings(
        database_url=empty_database_url,
        secret=SECRET,
        bcrypt_cost=4,
        pool_size=20,
        rate_limits="off",
    )
    async with open_use_cases(settings) as referral:
        yield referral


def in_a_year(referral):
    now = referral.programs.issue_code.clock.now()
    return now.replace(year=now.year + 1, day=1)


@pytest.fixture
async def ann(referral):
    return await referral.accounts.register_user(
        username="ann", email="ann@example.org", password=PASSWORD
    )


@pytest.fixture
async def code(referral, ann):
    code = await referral.programs.issue_code(owner_id=ann.id, expires_at=in_a_year(referral))
    return code.text.value


@pytest.fixture
def sign_up(referral, code):
    async def sign_up(n):
        name = f"user{n}"
        return await referral.accounts.register_user(
            username=name, email=f"{name}@example.org", password=PASSWORD, code=code
        )

    return sign_up


async def ensure_all_or_nothing(referral, ann, signed_up):
    """All who have an account were brought by Ann, and those who were refused have none."""
    brought = await referral.programs.list_referrals(referrer_id=ann.id, size=100)
    assert brought.total == len(brought.items) == signed_up
    for n in range(16):
        found = await referral.access.log_in.users.by_login(f"user{n}")
        assert found is None or found.referrer_id == ann.id
        signed_up -= found is not None
    assert signed_up == 0


async def test_f19_signing_up_against_replacing_the_code(referral, ann, sign_up):
    async def replace_active():
        await referral.programs.issue_code(
            owner_id=ann.id, expires_at=in_a_year(referral), replace_active=True
        )

    outcomes = await outcomes_of(
        [
            *map(sign_up, range(8)),
            *(replace_active() for _ in range(4)),
            *map(sign_up, range(8, 16)),
        ]
    )

    assert outcomes.keys() <= {"done", "CodeNotUsable"}
    assert len((await referral.programs.list_codes(owner_id=ann.id)).items) == 1
    await ensure_all_or_nothing(referral, ann, outcomes["done"] - 4)


async def test_f19_signing_up_against_retiring_the_code(referral, ann, code, sign_up):
    outcomes = await outcomes_of(
        [
            *map(sign_up, range(8)),
            referral.programs.retire_code(owner_id=ann.id, code=code),
            *map(sign_up, range(8, 16)),
        ]
    )

    assert outcomes.keys() <= {"done", "CodeNotUsable"}
    await ensure_all_or_nothing(referral, ann, outcomes["done"] - 1)
    with pytest.raises(CodeNotFound):
        await referral.programs.code_status(code=code)


async def test_f19_a_code_that_is_being_withdrawn_is_not_used(referral, ann, code, sign_up):
    async with referral.programs.retire_code.unit_of_work.begin() as tx:
        await tx.users.lock(ann.id)
        found = await tx.codes.by_text(CodeText.parse(code))
        await tx.codes.retire(found.retire(referral.programs.retire_code.clock.now()))
        signing_up = asyncio.create_task(sign_up(1))
        assert await has_to_wait(signing_up)

    with pytest.raises(CodeNotUsable):
        await signing_up
    await ensure_all_or_nothing(referral, ann, 0)


async def test_f19_signing_up_against_erasing_the_owner(referral, ann, sign_up):
    outcomes = await outcomes_of(
        [
            *map(sign_up, range(8)),
            referral.accounts.erase_user(user_id=ann.id, password=PASSWORD),
            *map(sign_up, range(8, 16)),
        ]
    )

    assert outcomes.keys() <= {"done", "CodeNotUsable"}
    await ensure_all_or_nothing(referral, ann, outcomes["done"] - 1)


def decisions(referral, ann, code, pair):
    """Everything that decides about a user's codes, tokens or password."""
    bob = {"username": "bob", "email": "bob@example.org", "password": PASSWORD}
    until, token = in_a_year(referral), pair.refresh_token
    return {
        "issue": partial(referral.programs.issue_code, owner_id=ann.id, expires_at=until),
        "replace": partial(
            referral.programs.issue_code, owner_id=ann.id, expires_at=until, replace_active=True
        ),
        "withdraw": partial(referral.programs.retire_code, owner_id=ann.id, code=code),
        "sign up": partial(referral.accounts.register_user, **bob, code=code),
        "log in": partial(referral.access.log_in, username="ann", password=PASSWORD),
        "refresh": partial(referral.access.refresh_token_pair, refresh_token=token),
        "revoke": partial(referral.access.revoke_tokens, refresh_token=token),
        "change": partial(
            referral.accounts.change_password,
            user_id=ann.id,
            password=PASSWORD,
            new_password="x y z 1 2 3",
        ),
        "erase": partial(referral.accounts.erase_user, user_id=ann.id, password=PASSWORD),
    }


@pytest.mark.parametrize(
    "decision",
    ["issue", "replace", "withdraw", "sign up", "log in", "refresh", "revoke", "change", "erase"],
)
async def test_f25_who_decides_about_a_user_waits_for_that_users_row_and_holds_no_other(
    referral, ann, code, decision, empty_database_url
):
    pair = await referral.access.log_in(username="ann", password=PASSWORD)
    decide = decisions(referral, ann, code, pair)[decision]

    async with referral.programs.retire_code.unit_of_work.begin() as tx:
        await tx.users.lock(ann.id)
        deciding = asyncio.create_task(decide())
        waited = await has_to_wait(deciding)
        for table in ("referral_codes", "refresh_tokens"):
            assert query(empty_database_url, f"SELECT 1 FROM {table} FOR UPDATE NOWAIT")

    assert waited
    with suppress(ActiveCodeExists):
        await deciding


async def test_f25_issuing_against_withdrawing_never_deadlocks(referral, ann, code):
    async def issue(n):
        for repeat in range(25):
            with suppress(ActiveCodeExists):
                await referral.programs.issue_code(
                    owner_id=ann.id, code=f"CODE-{n}-{repeat}", expires_at=in_a_year(referral)
                )

    async def withdraw():
        for _ in range(25):
            for active in (await referral.programs.list_codes(owner_id=ann.id)).items:
                with suppress(CodeNotFound):
                    await referral.programs.retire_code(owner_id=ann.id, code=active.text.value)

    outcomes = await outcomes_of([*map(issue, range(8)), *(withdraw() for _ in range(8))])

    assert outcomes == {"done": 16}


async def test_logging_in_against_an_erasure_leaves_no_token_behind(
    referral, ann, empty_database_url
):
    log_ins = [referral.access.log_in(username="ann", password=PASSWORD) for _ in range(16)]
    erasure = referral.accounts.erase_user(user_id=ann.id, password=PASSWORD)

    outcomes = await outcomes_of([*log_ins[:8], erasure, *log_ins[8:]])

    assert outcomes.keys() <= {"done", "WrongCredentials"}
    assert query(empty_database_url, "SELECT 1 FROM refresh_tokens") == []


async def test_logging_in_against_a_new_password_leaves_no_token_of_the_old_one(
    referral, ann, empty_database_url
):
    log_ins = [referral.access.log_in(username="ann", password=PASSWORD) for _ in range(16)]
    change = referral.accounts.change_password(
        user_id=ann.id, password=PASSWORD, new_password="x y z 1 2 3"
    )

    outcomes = await outcomes_of([*log_ins[:8], change, *log_ins[8:]])

    assert outcomes.keys() <= {"done", "WrongCredentials"}
    assert query(empty_database_url, "SELECT 1 FROM refresh_tokens") == []


async def test_of_twenty_who_use_one_refresh_token_one_gets_a_pair(referral, ann):
    pair = await referral.access.log_in(username="ann", password=PASSWORD)

    outcomes = await outcomes_of(
        referral.access.refresh_token_pair(refresh_token=pair.refresh_token) for _ in range(20)
    )

    assert outcomes == {"done": 1, "InvalidRefreshToken": 19}


async def test_of_changes_of_one_password_at_once_one_succeeds(referral, ann):
    outcomes = await outcomes_of(
        referral.accounts.change_password(
            user_id=ann.id, password=PASSWORD, new_password=f"password no. {n}"
        )
        for n in range(10)
    )

    assert outcomes == {"done": 1, "WrongPassword": 9}


async def test_of_a_hundred_who_sign_up_at_once_with_a_code_for_ten_exactly_ten_do(referral, ann):
    await referral.programs.create_program(
        slug="summer", name="Summer", terms={"code": {"max_uses": 10}}
    )
    await referral.programs.change_program(slug="summer", status="active")
    code = await referral.programs.issue_code(
        owner_id=ann.id, expires_at=in_a_year(referral), program="summer"
    )

    outcomes = await outcomes_of(
        referral.accounts.register_user(
            username=f"user{n}",
            email=f"user{n}@example.org",
            password=PASSWORD,
            code=code.text.value,
        )
        for n in range(100)
    )

    brought = await referral.programs.list_referrals(referrer_id=ann.id, size=100)
    used = await referral.programs.code_status(code=code.text.value)
    assert outcomes["done"] == brought.total == used.uses == 10
    # Some may have been refused for want of room to hash their passwords.
    assert outcomes.keys() <= {"done", "CodeNotUsable", "HashingBusy"}


async def enrolled(referral, *names):
    for name in names:
        await referral.accounts.enrol_participant(external_id=name)


async def code_for(referral, participant, **more):
    code = await referral.programs.issue_participant_code(
        participant=participant, expires_at=in_a_year(referral), **more
    )
    return code.text.value


async def test_of_a_hundred_joined_at_once_with_a_code_for_ten_ten_are(referral):
    await referral.programs.create_program(
        slug="summer", name="Summer", terms={"code": {"max_uses": 10}}
    )
    await referral.programs.change_program(slug="summer", status="active")
    await enrolled(referral, "rose", *(f"customer-{n}" for n in range(100)))
    code = await code_for(referral, "rose", program="summer")

    outcomes = await outcomes_of(
        referral.programs.refer_participant(code=code, participant=f"customer-{n}")
        for n in range(100)
    )

    assert outcomes == {"done": 10, "CodeNotUsable": 90}
    listed = await referral.programs.find_referrals(referrer="rose", limit=100)
    assert len(listed.items) == 10
    assert (await referral.programs.code_status(code=code)).uses == 10


async def test_of_twenty_codes_that_one_participant_is_joined_with_at_once_one_counts(referral):
    owners = [f"owner-{n}" for n in range(20)]
    await enrolled(referral, "bob", *owners)
    codes = [await code_for(referral, owner) for owner in owners]

    outcomes = await outcomes_of(
        referral.programs.refer_participant(code=code, participant="bob") for code in codes
    )

    assert outcomes == {"done": 1, "AlreadyReferred": 19}
    [made] = (await referral.programs.find_referrals()).items
    uses = [(await referral.programs.code_status(code=code)).uses for code in codes]
    assert sum(uses) == 1
    assert uses[codes.index(made.code.value)] == 1


async def test_of_twenty_calls_that_join_the_same_two_one_is_new(referral):
    await enrolled(referral, "rose", "bob")
    code = await code_for(referral, "rose")

    made = await asyncio.gather(
        *(referral.programs.refer_participant(code=code, participant="bob") for _ in range(20))
    )

    assert len({named.referral for named, _ in made}) == 1
    assert sum(is_new for _, is_new in made) == 1


async def test_of_ten_pairs_who_are_to_bring_each_other_at_once_one_of_each_pair_does(referral):
    pairs = [(f"rose-{n}", f"bob-{n}") for n in range(10)]
    both_ways = [way for rose, bob in pairs for way in ((rose, bob), (bob, rose))]
    await enrolled(referral, *(owner for owner, _ in both_ways))
    codes = {owner: await code_for(referral, owner) for owner, _ in both_ways}

    outcomes = await outcomes_of(
        referral.programs.refer_participant(code=codes[owner], participant=referee)
        for owner, referee in both_ways
    )

    assert outcomes == {"done": 10, "CircularReferral": 10}


async def test_people_who_join_each_other_and_are_erased_meanwhile_never_deadlock(referral):
    names = [f"customer-{n}" for n in range(10)]
    await enrolled(referral, *names)
    codes = [await code_for(referral, name) for name in names]

    outcomes = await outcomes_of(
        [
            *(
                referral.programs.refer_participant(code=codes[n], participant=names[n - m])
                for m in (1, 2, 3)
                for n in range(10)
            ),
            *(referral.accounts.erase_participant(participant=name) for name in names[::3]),
        ]
    )

    assert outcomes.keys() <= {"done", "AlreadyReferred", "CodeNotUsable", "ParticipantNotFound"}


async def test_two_refunds_at_once_recover_a_milestone_of_someone_erased_once(referral):
    gold = {"rule": "gold", "to": "referrer", "amount": 50, "at_qualified": 2, "unit": "EUR"}
    terms = {"qualification": {"event": "purchase"}, "rewards": [gold]}
    await referral.programs.create_program(slug="launch", name="Launch", terms=terms)
    await referral.programs.change_program(slug="launch", status="active")
    await enrolled(referral, "rose", "bob", "cleo")
    code = await code_for(referral, "rose", program="launch")
    record = referral.rewards.record_event
    for name in ("bob", "cleo"):
        await referral.programs.refer_participant(code=code, participant=name)
        await record(id=name, type="purchase", participant=name, amount=100, unit="EUR")
    [paid] = (await referral.rewards.find_rewards()).items
    await referral.rewards.make_payout(reference="1", unit="EUR", rewards=[paid.reward.id])
    await referral.accounts.erase_participant(participant="rose")

    async with record.unit_of_work.begin() as tx:
        await tx.rewards.lock(paid.reward.id)
        refunds = [
            asyncio.create_task(record(id=f"r-{name}", type="refund", of=name))
            for name in ("bob", "cleo")
        ]
        assert [await has_to_wait(refund) for refund in refunds] == [True, True]
    await asyncio.gather(*refunds)

    rewards = (await referral.rewards.find_rewards()).items
    assert [named.reward.amount for named in rewards] == [-50, 50]
