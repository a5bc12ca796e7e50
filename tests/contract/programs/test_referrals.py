import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from concurrency import outcomes_of
from examples import NOW, a_new_code, a_referral, a_user, an_id
from referral.application.pages import (
    MAX_CURSOR,
    MAX_POSITION,
    ListRequest,
    PageRequest,
)
from referral.application.programs.ports import NamedReferral, Referee, ReferralFilter
from referral.domain.accounts.errors import ParticipantNotFound
from referral.domain.accounts.external_id import ExternalId
from referral.domain.accounts.user import Participant
from referral.domain.programs.errors import AlreadyReferred, ReferralNotFound
from referral.domain.programs.program import NewProgram, ProgramStatus, Slug
from referral.domain.programs.referral import ReferralStatus
from referral.domain.programs.terms import Terms


@pytest.fixture
async def code(codes, ann):
    return await codes.add(a_new_code(ann))


@pytest.fixture
def bring(users, referrals, code):
    """Store people called user<n>, each brought by Ann in the nth minute."""

    async def bring(*numbers):
        for n in numbers:
            user = a_user(f"user{n}", number=100 + n, created_at=NOW + timedelta(minutes=n))
            await users.add(user)
            await referrals.add(referral(n, code))

    return bring


def referral(n, code):
    return a_referral(an_id(100 + n), code, created_at=NOW + timedelta(minutes=n))


def names(page):
    return [referee.username for referee in page.items]


async def test_a_referee_is_listed_with_name_address_and_time(referrals, bring, ann):
    await bring(1)

    page = await referrals.page_of(ann.id, PageRequest())

    assert [*page.items] == [
        Referee(an_id(101), "user1@example.org", "user1", NOW + timedelta(minutes=1))
    ]


async def test_pages_are_filled_newest_first(referrals, bring, ann):
    await bring(1, 2, 3, 4, 5)

    pages = [await referrals.page_of(ann.id, PageRequest(page=n, size=2)) for n in (1, 2, 3)]

    assert [names(page) for page in pages] == [["user5", "user4"], ["user3", "user2"], ["user1"]]
    for number, page in enumerate(pages, 1):
        assert (page.total, page.page, page.size, page.pages) == (5, number, 2, 3)


async def test_who_brought_nobody_has_an_empty_page(referrals, ann):
    page = await referrals.page_of(ann.id, PageRequest())

    assert ([*page.items], page.total, page.page, page.size, page.pages) == ([], 0, 1, 50, 0)
    assert page.next_cursor is None


async def test_who_does_not_exist_has_an_empty_page(referrals):
    page = await referrals.page_of(an_id(404), PageRequest())

    assert ([*page.items], page.total) == ([], 0)


@pytest.mark.parametrize("page", [2, 2**31 - 1])
async def test_a_page_past_the_end_is_empty(referrals, bring, ann, page):
    await bring(1, 2)

    past = await referrals.page_of(ann.id, PageRequest(page=page, size=2))

    assert ([*past.items], past.total, past.page, past.pages) == ([], 2, page, 1)
    assert past.next_cursor is None


async def test_a_walk_by_cursor_meets_everyone_once_and_ends(referrals, bring, ann):
    await bring(1, 2, 3, 4, 5)
    walked, cursor, pages = [], None, []

    while pages == [] or cursor is not None:
        page = await referrals.page_of(ann.id, PageRequest(size=2, cursor=cursor))
        walked += names(page)
        pages.append(page.page)
        cursor = page.next_cursor

    assert walked == ["user5", "user4", "user3", "user2", "user1"]
    assert pages == [1, 2, 3]


async def test_a_page_that_ends_with_the_first_referee_is_the_last(referrals, bring, ann):
    await bring(1, 2, 3, 4)
    first = await referrals.page_of(ann.id, PageRequest(size=2))

    last = await referrals.page_of(ann.id, PageRequest(size=2, cursor=first.next_cursor))

    assert names(last) == ["user2", "user1"]
    assert last.next_cursor is None


async def test_who_signs_up_during_a_walk_moves_nobody(referrals, bring, ann):
    await bring(1, 2, 3)
    first = await referrals.page_of(ann.id, PageRequest(size=2))
    await bring(4)

    rest = await referrals.page_of(ann.id, PageRequest(size=2, cursor=first.next_cursor))

    assert names(first) + names(rest) == ["user3", "user2", "user1"]
    assert rest.total == 4


@pytest.mark.parametrize("cursor", [1, 6, MAX_CURSOR])
async def test_d09_a_forged_cursor_shows_an_empty_page(referrals, bring, ann, cursor):
    await bring(1, 2, 3)

    page = await referrals.page_of(ann.id, PageRequest(size=2, cursor=cursor))

    assert ([*page.items], page.total, page.size, page.pages) == ([], 3, 2, 2)
    assert page.next_cursor is None


async def test_everyone_sees_whom_they_brought_themselves(referrals, users, bring, ann):
    await bring(1)
    bob = a_user("bob", number=2)
    await users.add(bob)

    assert (await referrals.page_of(bob.id, PageRequest())).total == 0


async def test_an_erased_referee_stays_without_a_name(referrals, users, bring, ann):
    await bring(1, 2)

    await users.erase((await users.by_id(an_id(101))).erased(NOW))

    page = await referrals.page_of(ann.id, PageRequest())
    assert page.total == 2
    assert page.items[1] == Referee(an_id(101), None, None, NOW + timedelta(minutes=1))


async def test_of_twenty_brought_at_once_everyone_is_counted(referrals, users, code, ann):
    for n in range(20):
        await users.add(a_user(f"user{n}", number=100 + n))

    outcomes = await outcomes_of(referrals.add(referral(n, code)) for n in range(20))

    page = await referrals.page_of(ann.id, PageRequest(size=100))
    assert outcomes == {"done": 20}
    assert page.total == len({referee.id for referee in page.items}) == 20
    assert page.next_cursor is None


async def test_a_page_shows_as_many_as_it_counts_while_people_sign_up(referrals, users, code, ann):
    for n in range(20):
        await users.add(a_user(f"user{n}", number=100 + n))

    async def look():
        page = await referrals.page_of(ann.id, PageRequest(size=100))
        return page.total == len(page.items)

    *_, consistent = await asyncio.gather(
        *(referrals.add(referral(n, code)) for n in range(20)),
        asyncio.gather(*(look() for _ in range(20))),
    )

    assert all(consistent)


async def test_a_referee_has_one_referral_and_a_second_changes_nothing(
    referrals, users, codes, bring, ann
):
    await bring(1)
    bob = a_user("bob", number=2)
    await users.add(bob)
    other = await codes.add(a_new_code(bob, "OTHER-2030"))

    with pytest.raises(AlreadyReferred):
        await referrals.add(referral(1, other))

    assert (await referrals.page_of(bob.id, PageRequest())).total == 0
    assert (await codes.by_text(other.text)).uses == 0
    await users.add(a_user("user2", number=102))
    await referrals.add(referral(2, other))
    assert names(await referrals.page_of(bob.id, PageRequest())) == ["user2"]


async def test_a_transaction_goes_on_after_a_second_referral_was_refused(store, bring, code, ann):
    await bring(1)

    async with store.begin() as tx:
        with pytest.raises(AlreadyReferred):
            await tx.referrals.add(referral(1, code))
        await tx.users.add(a_user("user2", number=102))
        await tx.referrals.add(referral(2, code))

    page = await store.referrals.page_of(ann.id, PageRequest())
    assert (page.total, names(page)) == (2, ["user2", "user1"])


async def test_of_twenty_referrals_of_one_person_at_once_one_is_made(
    referrals, users, codes, store
):
    await users.add(a_user("bob", number=100))
    issued = []
    for n in range(1, 21):
        owner = a_user(f"owner{n}", number=n)
        await users.add(owner)
        issued.append(await codes.add(a_new_code(owner, f"CODE-{n}")))

    outcomes = await outcomes_of(referrals.add(a_referral(an_id(100), code)) for code in issued)

    assert outcomes == {"done": 1, "AlreadyReferred": 19}
    totals = [(await referrals.page_of(code.owner_id, PageRequest())).total for code in issued]
    assert sum(totals) == 1
    assert sum([(await codes.by_text(code.text)).uses for code in issued]) == 1


async def test_nobody_who_is_gone_is_referred(referrals, users, code, ann):
    bob = a_user("bob", number=2)
    await users.add(bob)
    await users.erase(bob.erased(NOW))

    for referee in (bob.id, an_id(404)):
        with pytest.raises(ParticipantNotFound):
            await referrals.add(a_referral(referee, code))
    assert (await referrals.page_of(ann.id, PageRequest())).total == 0


async def test_a_referral_is_found_with_what_its_parts_are_called(
    referrals, participants, users, code
):
    bob = Participant(id=an_id(2), external_id=ExternalId("customer-2"), created_at=NOW)
    await participants.add(bob)
    made = replace(
        a_referral(bob.id, code),
        status=ReferralStatus.SIGNED_UP,
        qualified_at=None,
        qualifies_until=NOW + timedelta(days=90),
        held_reasons=("velocity", "same-network"),
    )
    await referrals.add(made)

    found = await referrals.find(bob.id)

    assert found == NamedReferral(
        made, Slug("default"), code.text, f"user:{code.owner_id}", "customer-2"
    )
    await users.erase(bob.erased(NOW))
    assert await referrals.find(bob.id) == replace(found, referee=f"user:{bob.id}")


async def test_who_was_not_referred_has_no_referral(referrals, ann):
    for referee in (ann.id, an_id(404)):
        with pytest.raises(ReferralNotFound):
            await referrals.find(referee)


@pytest.fixture
async def mixed(users, programs, codes, referrals, ann):
    """Twelve referrals of two referrers, in two programs and three statuses, not stored in the order of their time."""
    bob = a_user("bob", number=2)
    await users.add(bob)
    new = NewProgram(slug=Slug("summer"), name="S", status=ProgramStatus.ACTIVE, created_at=NOW)
    await programs.add(new, Terms())
    kinds = []
    for owner in (ann, bob):
        for slug in ("default", "summer"):
            program = await programs.in_force(Slug(slug))
            text = f"{owner.username.value}-{slug}".upper()
            code = await codes.add(a_new_code(owner, text, program=program))
            kinds += [
                (code, status)
                for status in (
                    ReferralStatus.QUALIFIED,
                    ReferralStatus.SIGNED_UP,
                    ReferralStatus.EXPIRED,
                )
            ]
    made = []
    for n, (code, status) in enumerate(kinds):
        minute = n * 5 % 12 // 2  # two at the same time
        await users.add(a_user(f"user{n}", number=100 + n))
        made.append(
            replace(
                a_referral(an_id(100 + n), code, created_at=NOW + timedelta(minutes=minute)),
                status=status,
                qualified_at=None,
            )
        )
        await referrals.add(made[-1])
    return made


@pytest.mark.parametrize("status", [None, ReferralStatus.SIGNED_UP, ReferralStatus.REJECTED])
@pytest.mark.parametrize("referrer", [None, 1, 2])
@pytest.mark.parametrize("slug", [None, "default", "summer"])
async def test_referrals_are_walked_newest_first_and_only_those_that_are_wanted(
    *, referrals, programs, mixed, slug, referrer, status
):
    program_id = slug and (await programs.in_force(Slug(slug))).program.id
    wanted = ReferralFilter(program_id, referrer and an_id(referrer), status)

    for limit in (1, 3, 100):
        walked, cursor = [], None
        while not walked or cursor is not None:
            page = await referrals.newest(wanted, ListRequest(limit, cursor))
            assert len(page.items) <= limit
            walked += [named.referral for named in page.items]
            cursor = page.next_cursor
            if not page.items:
                break

        assert walked == sorted(
            (
                one
                for one in mixed
                if program_id in (None, one.program_id)
                and wanted.referrer_id in (None, one.referrer_id)
                and status in (None, one.status)
            ),
            key=lambda one: (one.created_at, one.referee_id),
            reverse=True,
        )


@pytest.mark.parametrize("cursor", [1, MAX_POSITION])
async def test_a_forged_cursor_lists_no_referrals(referrals, bring, cursor):
    await bring(1, 2)

    page = await referrals.newest(ReferralFilter(), ListRequest(2, cursor))

    assert ([*page.items], page.next_cursor) == ([], None)


@pytest.fixture
def waiting(users, referrals, code):
    """Store referrals that wait for an event until these minutes of NOW, each of someone new; None is without end."""

    async def waiting(*minutes, code=code, **changes):
        made = []
        for minute in minutes:
            number = next(_numbers)
            await users.add(a_user(f"waiting{number}", number=number))
            until = minute and NOW + timedelta(minutes=minute)
            made.append(
                replace(
                    a_referral(an_id(number), code),
                    **{"status": ReferralStatus.SIGNED_UP, "qualified_at": None, **changes},
                    qualifies_until=until,
                )
            )
            await referrals.add(made[-1])
        return [one.referee_id for one in made]

    return waiting


_numbers = itertools.count(1000)


async def status_of(referrals, referee):
    return (await referrals.find(referee)).referral.status


async def test_who_is_signed_up_past_the_time_to_qualify_expires(referrals, waiting):
    past, now, future, endless = await waiting(1, 2, 3, None)
    qualified, rejected = [
        *await waiting(1, status=ReferralStatus.QUALIFIED),
        *await waiting(1, status=ReferralStatus.REJECTED),
    ]

    [expired] = await referrals.expire_overdue(NOW + timedelta(minutes=2), 100)
    assert expired == (await referrals.find(past)).referral
    assert [*await referrals.expire_overdue(NOW + timedelta(minutes=2), 100)] == []

    assert await status_of(referrals, past) == ReferralStatus.EXPIRED
    for other in (now, future, endless):
        assert await status_of(referrals, other) == ReferralStatus.SIGNED_UP
    assert await status_of(referrals, qualified) == ReferralStatus.QUALIFIED
    assert await status_of(referrals, rejected) == ReferralStatus.REJECTED


async def test_where_the_program_has_ended_nobody_expires(referrals, programs, codes, waiting, ann):
    new = NewProgram(slug=Slug("summer"), name="S", status=ProgramStatus.ACTIVE, created_at=NOW)
    summer = await programs.add(new, Terms())
    code = await codes.add(a_new_code(ann, "SUMMER", program=await programs.in_force(summer.slug)))
    [referee] = await waiting(1, code=code)
    [of_default] = await waiting(1)
    await programs.save(summer.become(ProgramStatus.ENDED))

    expired = await referrals.expire_overdue(NOW + timedelta(minutes=2), 100)

    assert [one.referee_id for one in expired] == [of_default]
    assert await status_of(referrals, referee) == ReferralStatus.SIGNED_UP


async def test_those_who_take_shares_at_once_take_each_referral_once(referrals, waiting):
    overdue = await waiting(*[1] * 50)

    shares = await asyncio.gather(
        *(referrals.expire_overdue(NOW + timedelta(minutes=2), 10) for _ in range(8))
    )

    assert all(len(share) <= 10 for share in shares)
    while share := await referrals.expire_overdue(NOW + timedelta(minutes=2), 10):
        shares.append(share)
    assert sorted(one.referee_id for share in shares for one in share) == sorted(overdue)


async def test_when_the_nth_newest_was_made_is_known_if_there_are_so_many(referrals, waiting, ann):
    assert await referrals.nth_newest_at(ann.id, 1) is None
    for hours in (1, 2, 3):
        await waiting(None, created_at=NOW + timedelta(hours=hours))

    assert await referrals.nth_newest_at(ann.id, 1) == NOW + timedelta(hours=3)
    assert await referrals.nth_newest_at(ann.id, 3) == NOW + timedelta(hours=1)
    assert await referrals.nth_newest_at(ann.id, 4) is None
    assert await referrals.nth_newest_at(an_id(404), 1) is None
