"""The rules, tried with whatever Hypothesis can think of.

Each rule is said a second time here, in other words than in the code, and the two have to agree.
"""

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import partial

from hypothesis import assume, example, given
from hypothesis import strategies as st

from examples import DEFAULT_PROGRAM, NOW, a_new_code, a_user, an_id
from fakes import FakeAuditLog, InMemoryStore
from paging import paged, walked
from referral.adapters.email_addresses import ValidatedEmailAddresses
from referral.application.audit import Audit
from referral.application.instant import instant
from referral.application.pages import Page, PageRequest
from referral.application.programs.list_codes import ListCodes
from referral.application.programs.list_referrals import ListReferrals
from referral.domain.accounts.user import Password, Username
from referral.domain.errors import InvalidInput
from referral.domain.programs.referral import refer
from referral.domain.programs.referral_code import CodeId, CodeText, ReferralCode, ensure_may_expire

parse_email = ValidatedEmailAddresses().parse

# Hypothesis knows the same as st.characters(), and takes a second to find out.
any_character = st.integers(0, 0x10FFFF).map(chr)
any_letter = st.sampled_from([c for c in map(chr, range(0x10000)) if c.isalpha()])


def is_taken(rule, *arguments):
    """Whether the rule takes this; whatever else it may raise is a defect."""
    try:
        rule(*arguments)
    except InvalidInput:
        return False
    return True


# Referral codes.

LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def is_a_code(text):
    return (
        6 <= len(text) <= 32
        and set(text) <= {*LETTERS_AND_DIGITS, "-"}
        and all(text.split("-"))  # no dash at either end, nor beside another
    )


code_like = st.text(LETTERS_AND_DIGITS + "---", min_size=4, max_size=34)
codes = code_like.map(lambda text: text.replace("--", "-").strip("-")).filter(is_a_code)
lookalikes = st.sampled_from(
    "\u017f\u0131\u0130\u212a\u00df\ufb00\uff21\uff41\uff11\u2460\u0663\u0410\u0430\u039f\u2013\u2010\u2212\u00ad"
)


@given(code_like | st.text(any_character))
@example("A" * 5)
@example("a" * 6)
@example("Z" * 32)
@example("z" * 33)
@example("A-B-C-D")
@example("ABC--DEF")
def test_a_code_is_what_follows_the_grammar_and_nothing_else(raw):
    assert is_taken(CodeText.parse, raw) == is_a_code(raw)


@given(codes)
def test_a_code_is_one_code_however_its_case_is_written_and_however_often_it_is_read(raw):
    code = CodeText.parse(raw)

    assert CodeText.parse(code.value) == code
    assert CodeText.parse(raw.swapcase()) == CodeText.parse(raw.lower()) == code
    assert code.value == raw.upper()


@given(codes, st.integers(0, 31), lookalikes | st.integers(0x80, 0x10FFFF).map(chr))
def test_no_character_beyond_ascii_passes_for_one_of_a_codes(raw, at, lookalike):
    at %= len(raw)

    assert not is_taken(CodeText.parse, raw[:at] + lookalike + raw[at + 1 :])


# Expiry.

moments = st.datetimes(
    datetime(1970, 1, 1),  # noqa: DTZ001 - Hypothesis adds the time zone
    datetime(9000, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda m: timezone(timedelta(minutes=m)))
LEAP_DAY = datetime(2028, 2, 29, 12, tzinfo=UTC)


def ten_years_after(now):
    """The same date; where the calendar has none, the day after the 28th of February."""
    try:
        return now.replace(year=now.year + 10)
    except ValueError:
        return now.replace(year=now.year + 10, day=28) + timedelta(days=1)


@given(
    moments | st.just(LEAP_DAY),
    st.sampled_from([lambda now: now, ten_years_after]),
    st.timedeltas(timedelta(microseconds=-1), timedelta(microseconds=1))
    | st.timedeltas(timedelta(days=-4000), timedelta(days=4000)),
)
def test_an_expiry_is_after_now_and_at_most_ten_years_away(now, limit, off):
    until = limit(now) + off

    assert is_taken(ensure_may_expire, until, now) == (now < until <= ten_years_after(now))


@st.composite
def spelled(draw, moments):
    """A time and one of the ways in which it may be written."""
    moment = draw(moments)
    local = moment.astimezone(draw(st.just(UTC) | offsets))
    minutes, rest = local.strftime("%Y-%m-%d_%H:%M"), local.strftime(":%S.%f")
    seconds, dot, fraction = rest.partition(".")
    if not fraction.strip("0") and draw(st.booleans()):
        dot, fraction = "", ""
        if seconds == ":00" and draw(st.booleans()):
            seconds = ""
    elif fraction[-1] == "0":
        fraction = fraction[:1] + fraction[1:].rstrip("0")
    offset = f"{local:%z}"[:3] + ":" + f"{local:%z}"[3:]
    if not local.utcoffset():
        offset = draw(st.sampled_from(["", "Z", "z", "+00:00", "-00:00"]))
    written = minutes.replace("_", draw(st.sampled_from("Tt "))) + seconds + dot + fraction + offset
    return moment, written


@given(
    spelled(moments)
    | spelled(moments.map(lambda moment: moment.replace(microsecond=0)))
    | spelled(moments.map(lambda moment: moment.replace(second=0, microsecond=0)))
)
def test_all_spellings_of_one_time_are_that_time(moment_and_spelling):
    moment, written = moment_and_spelling

    assert instant(written) == moment


@given(moments, offsets)
def test_a_time_without_an_offset_is_utc_and_one_with_an_offset_is_where_it_says(moment, offset):
    for same in (moment.replace(tzinfo=None), moment, moment.astimezone(offset)):
        assert instant(same) == moment
        assert instant(same).tzinfo is UTC


@given(st.text(any_character) | st.datetimes(timezones=st.none() | offsets))
@example("0001-01-01T00:00+14:00")
@example("9999-12-31T23:59-14:00")
def test_whatever_is_given_as_a_time_is_one_or_is_refused(raw):
    is_taken(instant, raw)


# User names.


def is_a_name(raw):
    text = unicodedata.normalize("NFKC", raw)
    return 3 <= len(text) <= 50 and all(
        c in ".@+-_" or unicodedata.category(c) in {"Lu", "Ll", "Lt", "Lm", "Lo", "Nd"}
        for c in text
    )


name_characters = st.sampled_from(
    "abcXYZ019.@+-_\u00df\u017f\ufb03\uff21\uff41\u0663\u03a3\u03c2\u00c5"
)
odd_characters = st.sampled_from("\u2460\u00b2\u212a\u00b5\u0301\u00ad\u200b\u00bd\u2167 \n!")
names = st.text(name_characters | any_letter, min_size=3, max_size=16).filter(is_a_name)


@given(
    st.text(name_characters | any_letter | odd_characters, max_size=60)
    | st.text(name_characters, max_size=60)
    | st.text(any_character)
)
@example("ab")
@example("abc")
@example("\ufb03")
@example("a" * 50)
@example("\ufb03" * 17)
def test_a_user_name_is_what_follows_the_rule_once_it_is_normalised(raw):
    assert is_taken(Username.parse, raw) == is_a_name(raw)


@given(names, st.sampled_from([str.swapcase, str.upper, str.lower, str.casefold]))
@example("straße", str.upper)
@example("\uff41nn", str.upper)
@example("\u03a3ίσυφος", str.lower)
def test_a_user_name_is_one_name_however_its_case_is_written(raw, respelled):
    name = Username.parse(raw)
    other = respelled(name.value)
    assume(other.casefold() == name.value.casefold())  # which is not so of a dotless i

    assert Username(other).key == Username(name.key).key == name.key


@given(names, st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]))
def test_a_user_name_is_one_name_however_its_characters_are_encoded(raw, form):
    name = Username.parse(raw)
    other = unicodedata.normalize(form, raw)

    assert Username.parse(other) == Username.parse(name.value) == name
    assert Username(other).key == Username(raw).key == name.key


# E-mail addresses.

label = st.text("abcXYZ019", min_size=1, max_size=63)
domains = st.lists(label, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "org"]))
local_parts = st.lists(st.text("abcXYZ019+-_'!#", min_size=1, max_size=31), min_size=1, max_size=2)
emails = st.builds("{}@{}".format, local_parts.map(".".join), domains)
email_like = st.builds(
    "{}@{}.{}".format,
    st.text(st.sampled_from("ab.XY'\"@é\u0301 ") | any_letter),
    st.text(st.sampled_from("ab-.XYß") | any_letter),
    st.sampled_from(["org", "рф", "1", ""]),
)


@given(emails | email_like)
def test_an_address_is_refused_or_has_a_normal_spelling_that_stays_as_it_is(raw):
    try:
        address = parse_email(raw)
    except InvalidInput:
        return

    assert parse_email(address.value) == address
    assert len(address.value) <= 254


@given(emails)
def test_an_address_is_one_address_however_its_case_is_written(raw):
    assert parse_email(raw.swapcase()).key == parse_email(raw.lower()).key == parse_email(raw).key


@given(st.integers(240, 260), st.integers(1, 64))
def test_an_address_has_at_most_254_characters(length, in_local_part):
    start = "a" * in_local_part + "@"
    domain = ("d" * 61 + ".") * 5
    raw = start + domain[-(length - len(start) - 3) :].lstrip(".") + "org"

    assert is_taken(parse_email, raw) == (len(raw) <= 254)


@given(st.text(any_character))
def test_whatever_is_given_as_an_address_is_one_or_refused(raw):
    is_taken(parse_email, raw)


# Passwords.


def is_a_password(raw):
    text = unicodedata.normalize("NFC", raw)
    return (
        len(text) >= 8
        and not {"Cc", "Cs"} & {unicodedata.category(c) for c in text}
        and len(text.encode()) <= 72
        and (len(text) >= 16 or len({*text.casefold()}) >= 5)
    )


password_characters = st.sampled_from("abc XYZ019é\u0301e\u20ac\U0001f40e") | any_letter
passwords = st.text(password_characters, min_size=8, max_size=18).filter(is_a_password)


@given(
    st.text(password_characters, max_size=80)
    | st.text(st.sampled_from("ab\x7f\n\ud800"), max_size=80)
    | st.text(any_character)
)
@example("x" * 7)
@example("x" * 8)
@example("x" * 72)
@example("x" * 73)
@example("e\u0301" * 7)
@example("e\u0301" * 36)
@example("e\u0301" * 36 + "x")
@example("\ud800" * 8)
@example("abcdefgh")
@example("abcdabcD")
@example("x" * 15)
@example("x" * 16)
def test_a_password_is_what_follows_the_rule_once_it_is_normalised(raw):
    assert is_taken(Password.parse, raw) == is_a_password(raw)


@given(passwords, st.sampled_from(["NFC", "NFD"]))
def test_a_password_is_one_password_however_its_accents_are_typed(raw, form):
    password = Password.parse(raw)

    assert Password.parse(password.value) == password
    assert Password.parse(unicodedata.normalize(form, raw)) == password


# Referrals.

people = st.integers(1, 4)


def a_code(owner):
    return ReferralCode(
        id=CodeId(owner.id.int),
        owner_id=owner.id,
        program=DEFAULT_PROGRAM.of_code,
        text=CodeText("SPRING-2030"),
        issued_at=NOW,
        expires_at=NOW + timedelta(days=7),
    )


@given(st.lists(st.tuples(people, people), max_size=20))
@example([(1, 1)])
@example([(1, 2), (2, 1)])
@example([(1, 2), (2, 3), (3, 1)])
def test_however_people_are_joined_no_two_bring_each_other(wishes):
    everybody = {n: a_user(f"user{n}", number=n) for n in range(1, 5)}
    brought: dict[int, int] = {}

    for owner, referee in wishes:
        if referee in brought:
            continue
        wished = {(by, who) for who, by in brought.items()} | {(owner, referee)}
        code = a_code(everybody[owner])
        made = is_taken(refer, everybody[referee], everybody[owner], code, NOW)
        assert made == wished.isdisjoint((who, by) for by, who in wished)
        if made:
            brought[referee] = owner
            everybody[referee] = replace(everybody[referee], referrer_id=an_id(owner))


# Paging.

sizes = st.integers(1, 7) | st.sampled_from([50, 100])


@given(
    st.integers(-2, 3) | st.integers(2**31 - 3, 2**31 + 3),
    st.integers(-2, 3) | st.integers(98, 103),
    st.none() | st.integers(-2, 3) | st.integers(2**63 - 3, 2**63 + 3),
)
def test_a_page_is_one_that_can_be_asked_for_or_all_that_is_wrong_with_it_is_told(
    page, size, cursor
):
    impossible = {
        "page": not 0 < page < 2**31,
        "size": not 0 < size < 101,
        "cursor": cursor is not None and not 0 < cursor < 2**63,
    }

    try:
        request = PageRequest.of(page=page, size=size, cursor=cursor)
    except InvalidInput as refused:
        named = [v.field for v in refused.violations]
        assert named == [name for name in impossible if impossible[name]]
    else:
        assert request == PageRequest(page, size, cursor)
        assert not any(impossible.values())


@given(st.integers(0, 1000), st.integers(1, 100))
def test_the_pages_of_a_list_meet_without_gap_or_overlap_and_end_where_it_ends(total, size):
    pages = Page([], total, page=1, size=size).pages

    offsets = [PageRequest(page, size).offset for page in range(1, pages + 1)]
    assert offsets == [*range(0, total, size)]


@given(st.integers(0, 12), st.integers(0, 2), sizes)
async def test_the_pages_of_ones_codes_make_up_the_list(listed, withdrawn, size):
    store, owner = InMemoryStore(), a_user()
    await store.users.add(owner)
    codes = [
        await store.codes.add(
            a_new_code(owner, f"CODE-{n:02}", issued_at=NOW + timedelta(days=n), days=1)
        )
        for n in range(listed + withdrawn)
    ]
    for code in codes[:withdrawn]:
        await store.codes.retire(code.retire(code.issued_at))

    page_of = partial(ListCodes(store.codes), owner_id=owner.id)
    assert await paged(page_of, size) == codes[withdrawn:]


@given(st.integers(0, 12), sizes)
async def test_the_pages_of_ones_referrals_make_up_the_list_and_so_does_a_walk(brought, size):
    store, owner = InMemoryStore(), a_user()
    await store.users.add(owner)
    code = await store.codes.add(a_new_code(owner))
    for n in range(brought):
        referee = a_user(f"user{n}", number=n + 2)
        await store.users.add(referee)
        await store.referrals.add(refer(referee, owner, code, referee.created_at))

    page_of = partial(ListReferrals(store.referrals, Audit(FakeAuditLog())), referrer_id=owner.id)
    referees = await paged(page_of, size)

    assert [r.username for r in referees] == [f"user{n}" for n in reversed(range(brought))]
    assert await walked(page_of, size) == referees
