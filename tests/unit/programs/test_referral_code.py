from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from examples import DEFAULT_PROGRAM, NOW, an_id
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import CodeNotFound, CodeNotUsable, NotYourCode
from referral.domain.programs.program import ProgramStatus
from referral.domain.programs.referral_code import (
    UNAMBIGUOUS,
    CodeId,
    CodeText,
    ReferralCode,
    ensure_may_expire,
)

A_MOMENT = timedelta(microseconds=1)


@pytest.fixture
def code():
    return ReferralCode(
        id=CodeId(1),
        owner_id=an_id(1),
        program=DEFAULT_PROGRAM.of_code,
        text=CodeText("SPRING-2030"),
        issued_at=NOW,
        expires_at=NOW + timedelta(days=7),
    )


@pytest.mark.parametrize("raw", ["ABC123", "FFFF12345678", "A" * 32, "A-B-C-D", "123456"])
def test_a_code_is_6_to_32_capitals_and_digits_with_single_dashes_inside(raw):
    assert CodeText.parse(raw).value == raw


def test_a_code_is_matched_without_regard_to_case_and_kept_in_capitals():
    assert CodeText.parse("spring-2030") == CodeText.parse("Spring-2030") == CodeText("SPRING-2030")


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "ABC12",
        "A" * 33,
        "-ABC123",
        "ABC123-",
        "ABC--123",
        "ABC 123",
        "ABC_123",
        "ABC123\n",
        "ABC123\0",
        "ÄBC123",
        "ａｂｃ１２３",
        "straße1",  # its capitals would pass
        "abcdefı",  # the capital of a dotless ı is I
        "١٢٣٤٥٦",
    ],
)
def test_any_other_text_is_no_code(raw):
    with pytest.raises(
        InvalidInput,
        match=r"^A referral code is 6 to 32 letters A-Z and digits, with single dashes inside\.$",
    ):
        CodeText.parse(raw)


def test_a_generated_code_has_no_characters_that_can_be_mistaken():
    assert not set("0O1IL") & set(UNAMBIGUOUS)


@pytest.mark.parametrize("too_early", [NOW, NOW - A_MOMENT, datetime.min.replace(tzinfo=UTC)])
def test_an_expiry_is_later_than_now(too_early):
    ensure_may_expire(NOW + A_MOMENT, NOW)

    with pytest.raises(InvalidInput, match=r"^Expires time less than current time$"):
        ensure_may_expire(too_early, NOW)


@pytest.mark.parametrize(
    "too_late",
    [
        NOW.replace(year=2040) + A_MOMENT,
        datetime.max.replace(tzinfo=UTC),
    ],
)
def test_an_expiry_is_within_10_years(too_late):
    ensure_may_expire(NOW.replace(year=2040), NOW)

    with pytest.raises(InvalidInput, match=r"^A referral code expires within 10 years\.$"):
        ensure_may_expire(too_late, NOW)


def test_ten_years_after_a_leap_day_are_over_on_the_1st_of_march():
    leap_day = datetime(2028, 2, 29, 12, tzinfo=UTC)
    ten_years_later = datetime(2038, 3, 1, 12, tzinfo=UTC)
    ensure_may_expire(ten_years_later, leap_day)

    with pytest.raises(InvalidInput):
        ensure_may_expire(ten_years_later + A_MOMENT, leap_day)


def test_a_code_is_active_until_the_moment_it_expires(code):
    assert code.is_active(code.expires_at - A_MOMENT)
    assert not code.is_active(code.expires_at)


def test_a_retired_code_is_not_active(code):
    retired = code.retire(NOW + timedelta(days=1))

    assert retired.retired_at == NOW + timedelta(days=1)
    assert not retired.is_active(NOW + timedelta(days=2))


def test_an_active_code_is_usable(code):
    code.ensure_usable(NOW)


def test_an_expired_code_is_not_usable(code):
    with pytest.raises(CodeNotUsable):
        code.ensure_usable(code.expires_at)


def test_a_retired_code_is_not_usable(code):
    with pytest.raises(CodeNotUsable):
        code.retire(NOW).ensure_usable(NOW)


def test_a_code_is_its_owners_and_nobody_elses(code):
    code.ensure_owned_by(an_id(1))

    with pytest.raises(NotYourCode):
        code.ensure_owned_by(an_id(2))


def test_a_code_is_retired_once(code):
    with pytest.raises(CodeNotFound):
        code.retire(NOW).retire(NOW)


def test_a_code_is_never_retired_before_it_was_issued(code):
    by_a_slow_clock = code.issued_at - timedelta(hours=1)

    assert code.retire(by_a_slow_clock).retired_at == code.issued_at


def test_a_code_can_be_used_as_often_as_its_program_allows(code):
    assert replace(code, max_uses=10, uses=9).is_usable(NOW)
    assert not replace(code, max_uses=10, uses=10).is_usable(NOW)


def test_a_code_that_is_used_up_is_still_its_owners_one_active_code(code):
    assert replace(code, max_uses=1, uses=1).is_active(NOW)


def test_nobody_signs_up_with_a_code_of_a_program_that_is_not_open(code):
    paused = replace(code, program=replace(code.program, status=ProgramStatus.PAUSED))

    with pytest.raises(CodeNotUsable):
        paused.ensure_usable(NOW)
