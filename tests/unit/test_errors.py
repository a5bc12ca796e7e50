import pytest

from referral import errors as public
from referral.domain.access.errors import TooManyAttempts
from referral.domain.errors import (
    Busy,
    Checks,
    Conflict,
    InvalidInput,
    ReferralError,
    Unauthenticated,
    Violation,
    one_step,
)
from referral.domain.programs.errors import CodeTaken


def errors(kind=ReferralError):
    return [e for child in kind.__subclasses__() for e in (child, *errors(child))]


def test_an_error_says_its_detail_unless_told_otherwise():
    assert str(CodeTaken()) == CodeTaken.detail
    assert str(CodeTaken("SPRING-2030 is taken.")) == "SPRING-2030 is taken."


@pytest.mark.parametrize(
    "error",
    [e for e in errors() if not e.__subclasses__()],
    ids=lambda error: error.__name__,
)
def test_every_error_that_is_raised_has_a_sentence_for_the_caller(error):
    assert error.detail.endswith(".")


def test_errors_are_of_a_kind():
    assert issubclass(CodeTaken, Conflict)
    assert not issubclass(Conflict, Unauthenticated)


def test_one_violation_is_told_in_its_own_words():
    refused = InvalidInput(Violation("It is too short.", "username"))

    assert str(refused) == "It is too short."
    assert refused.violations == (Violation("It is too short.", "username"),)


def test_several_violations_are_counted_and_named():
    refused = InvalidInput(Violation("It is too short.", "username"), Violation("No.", "email"))

    assert str(refused) == "2 values are invalid: username, email."


def test_too_many_attempts_say_when_to_come_back():
    assert TooManyAttempts(17).retry_after == 17
    assert Busy().retry_after == 1


def test_checks_tell_everything_that_is_wrong_at_once():
    checks = Checks()
    with checks.of("username"):
        raise InvalidInput("It is too short.")
    with checks.of("email"):
        pass
    with checks.of("password"):
        raise InvalidInput("It is too common.")

    with pytest.raises(InvalidInput) as refused:
        checks.done()

    assert refused.value.violations == (
        Violation("It is too short.", "username"),
        Violation("It is too common.", "password"),
    )


def test_checks_tell_the_way_to_what_is_wrong_within_a_value():
    checks = Checks()
    with checks.of("address"):
        raise InvalidInput(Violation("It is too long.", "street"))

    assert checks.violations == [Violation("It is too long.", "address/street")]


def test_checks_that_found_nothing_are_silent():
    checks = Checks()
    with checks.of("username"):
        pass

    checks.done()


def test_checks_let_other_errors_pass():
    checks = Checks()

    with pytest.raises(CodeTaken), checks.of("code"):
        raise CodeTaken

    assert not checks.violations


def test_a_script_finds_every_error_in_one_place():
    assert {*public.__all__} == {e.__name__ for e in (ReferralError, Violation, *errors())}


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("a" * 32, "a" * 32),
        ("a" * 33, "a" * 32 + "…"),
        ("a" * 31 + "é", "a" * 31 + "…"),  # no half of a character
        ("\ud800" * 33, "?" * 32 + "…"),
        ("a/b~c", "a~1b~0c"),
    ],
)
def test_a_callers_name_is_one_short_step_of_a_pointer(name, step):
    assert one_step(name) == step
