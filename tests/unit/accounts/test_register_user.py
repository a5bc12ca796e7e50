from dataclasses import replace

import pytest

from examples import PASSWORD, in_a_week
from referral.domain.access.errors import TooManyAttempts
from referral.domain.accounts.errors import EmailTaken, HashingBusy, UsernameTaken, UserNotFound
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import CodeNotUsable


async def test_anyone_can_open_an_account(register_user, who_am_i, clock):
    ann = await register_user(username="Ann", email="ann@Example.org", password=PASSWORD)

    assert await who_am_i(user_id=ann.id) == ann
    assert (ann.username.value, ann.email.value) == ("Ann", "ann@example.org")
    assert ann.created_at == clock.now()
    assert ann.referrer_id is None


async def test_the_password_is_kept_as_a_hash_of_its_normal_form(register_user, password_hasher):
    ann = await register_user(username="ann", email="a@example.org", password="cafe\u0301 au lait")

    assert await password_hasher.verify("caf\u00e9 au lait", ann.password_hash)


async def test_everything_that_is_wrong_is_told_at_once(register_user):
    with pytest.raises(InvalidInput) as refused:
        await register_user(username="a", email="nowhere", password="short")

    assert [v.field for v in refused.value.violations] == ["username", "email", "password"]


@pytest.mark.parametrize("password", ["ann.example", "ann@example.org"])
async def test_the_password_is_not_ones_own_name_or_address(register_user, password):
    with pytest.raises(InvalidInput) as refused:
        await register_user(username="ann.example", email="ann@example.org", password=password)

    assert [v.field for v in refused.value.violations] == ["password"]


async def test_a_user_name_is_taken_once_in_any_case(register_user, sign_up):
    await sign_up("ann")

    with pytest.raises(UsernameTaken):
        await register_user(username="ANN", email="other@example.org", password=PASSWORD)


async def test_an_address_is_taken_once_in_any_case(register_user, sign_up):
    await sign_up("ann")

    with pytest.raises(EmailTaken):
        await register_user(username="other", email="Ann@Example.ORG", password=PASSWORD)


async def test_a_name_taken_while_the_password_was_hashed_is_refused(sign_up, password_hasher):
    async def someone_else():
        await sign_up("ann")

    password_hasher.meanwhile = someone_else
    with pytest.raises(UsernameTaken):
        await sign_up("ann")


async def test_without_room_to_hash_the_database_is_not_asked_whether_the_name_is_free(
    sign_up, owner, password_hasher
):
    password_hasher.busy = True

    with pytest.raises(HashingBusy):
        await sign_up("owner")


async def test_who_signs_up_with_a_code_is_brought_by_its_owner(
    *, sign_up, issue_code, list_referrals, who_am_i, owner, clock
):
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    bob = await sign_up("bob", code=code.text.value.lower())

    assert bob.referrer_id == owner.id
    assert (await who_am_i(user_id=bob.id)).referrer_id == owner.id
    brought = await list_referrals(referrer_id=owner.id)
    assert [referee.id for referee in brought.items] == [bob.id]


async def unknown(owner, **_):
    return "UNKNOWN-1"


async def malformed(owner, **_):
    return "no code!"


async def expired(owner, issue_code, clock, **_):
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))
    clock.advance(weeks=1)
    return code.text.value


async def retired(owner, issue_code, retire_code, clock, **_):
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))
    await retire_code(owner_id=owner.id, code=code.text.value)
    return code.text.value


async def of_an_erased_owner(owner, issue_code, erase_user, clock, **_):
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))
    await erase_user(user_id=owner.id, password=PASSWORD)
    return code.text.value


@pytest.mark.parametrize("some_code", [unknown, malformed, expired, retired, of_an_erased_owner])
async def test_a24_signing_up_with_a_code_that_is_not_usable_creates_nothing(
    *, some_code, sign_up, issue_code, retire_code, erase_user, owner, clock, store
):
    code = await some_code(
        owner, issue_code=issue_code, retire_code=retire_code, erase_user=erase_user, clock=clock
    )
    before = store.read()

    with pytest.raises(CodeNotUsable):
        await sign_up("bob", code=code)

    assert store.read() is before


@pytest.mark.parametrize("what_happens", ["expires", "is retired", "loses its owner"])
async def test_f19_a_code_that_ends_while_the_password_is_hashed_is_not_usable(
    *,
    what_happens,
    sign_up,
    issue_code,
    retire_code,
    erase_user,
    password_hasher,
    owner,
    clock,
    store,
):
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    async def meanwhile():
        if what_happens == "expires":
            clock.advance(weeks=1)
        elif what_happens == "is retired":
            await retire_code(owner_id=owner.id, code=code.text.value)
        else:
            await erase_user(user_id=owner.id, password=PASSWORD)

    password_hasher.meanwhile = meanwhile
    with pytest.raises(CodeNotUsable):
        await sign_up("bob", code=code.text.value)

    assert not await store.users.by_login("bob")


async def test_a_referral_is_dated_when_the_account_was_opened(
    *, sign_up, issue_code, list_referrals, password_hasher, owner, clock
):
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    async def slowly():
        clock.advance(seconds=2)

    password_hasher.meanwhile = slowly
    bob = await sign_up("bob", code=code.text.value)

    [referee] = (await list_referrals(referrer_id=owner.id)).items
    assert referee.created_at == bob.created_at == clock.now()


async def test_a_code_that_expires_while_others_hold_its_owner_is_not_usable(
    register_user, issue_code, store, owner, clock
):
    code = await issue_code(owner_id=owner.id, expires_at=in_a_week(clock))

    class SlowUnitOfWork:
        def begin(self):
            clock.advance(weeks=1)
            return store.begin()

    slowly = replace(register_user, unit_of_work=SlowUnitOfWork())

    with pytest.raises(CodeNotUsable):
        await slowly(
            username="bob", email="bob@example.org", password=PASSWORD, code=code.text.value
        )


async def test_nothing_is_created_while_the_queue_for_hashing_is_full(
    sign_up, who_am_i, password_hasher, store
):
    password_hasher.busy = True

    with pytest.raises(HashingBusy):
        await sign_up("ann")

    assert not await store.users.by_login("ann")


async def test_e07_all_that_is_cheap_is_refused_before_a_password_is_hashed(
    sign_up, register_user, password_hasher
):
    await sign_up("ann")

    with pytest.raises(InvalidInput):
        await register_user(username="b", email="b@example.org", password=PASSWORD)
    with pytest.raises(CodeNotUsable):
        await sign_up("bob", code="UNKNOWN-1")
    with pytest.raises(UsernameTaken):
        await sign_up("ann")

    assert password_hasher.hashes == 1


async def test_a23_e06_one_address_registers_20_times_a_minute_at_most(sign_up, clock):
    for n in range(20):
        await sign_up(f"user{n}", client_address="192.0.2.1")

    with pytest.raises(TooManyAttempts) as refused:
        await sign_up("one-more", client_address="192.0.2.1")
    await sign_up("from-elsewhere", client_address="192.0.2.2")
    assert refused.value.retry_after == 60
    clock.advance(minutes=1)
    await sign_up("one-more", client_address="192.0.2.1")


async def test_a23_registering_an_address_that_is_taken_counts_too(sign_up):
    await sign_up("ann")

    for expected in [UsernameTaken] * 20 + [TooManyAttempts]:
        with pytest.raises(expected):
            await sign_up("ann", client_address="192.0.2.1")


@pytest.mark.parametrize("name", ["bob@example.org", "ann@", "@ann", "bob＠example.org"])
async def test_a18_a_name_with_an_at_sign_that_is_not_the_own_address_is_refused(
    register_user, name
):
    with pytest.raises(InvalidInput) as refused:
        await register_user(username=name, email="ann@example.org", password=PASSWORD)

    assert [v.field for v in refused.value.violations] == ["username"]


@pytest.mark.parametrize("name", ["ann@example.org", "Ann@Example.ORG", "ann＠example.org"])
async def test_the_own_address_can_be_the_name(register_user, log_in, name):
    await register_user(username=name, email="ann@example.org", password=PASSWORD)

    assert await log_in(username=name, password=PASSWORD)


async def test_an_erased_account_frees_its_name_and_address(sign_up, erase_user, who_am_i):
    ann = await sign_up("ann")
    await erase_user(user_id=ann.id, password=PASSWORD)

    again = await sign_up("ann")

    assert again.id != ann.id
    with pytest.raises(UserNotFound):
        await who_am_i(user_id=ann.id)
