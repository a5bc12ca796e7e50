"""A unit of work that was in the way of others, or they in its, is done again."""

import pytest

from referral.application.again import TRIES, again
from referral.domain.errors import DatabaseUnavailable


class Attempts:
    """A unit of work that is undone so many times before it is done."""

    def __init__(self, refusals: list[DatabaseUnavailable]) -> None:
        self.refusals = refusals
        self.made = 0

    async def __call__(self, number: int, *, name: str) -> tuple[int, str]:
        self.made += 1
        if self.refusals:
            raise self.refusals.pop()
        return number, name


@pytest.mark.parametrize("times", range(TRIES))
async def test_f25_what_was_undone_is_done_again_with_the_same_arguments(times):
    attempts = Attempts([DatabaseUnavailable(was_undone=True) for _ in range(times)])

    assert await again(attempts, 7, name="ann") == (7, "ann")
    assert attempts.made == times + 1


async def test_f25_what_is_undone_again_and_again_is_refused():
    attempts = Attempts([DatabaseUnavailable(was_undone=True) for _ in range(9)])

    with pytest.raises(DatabaseUnavailable):
        await again(attempts, 7, name="ann")

    assert attempts.made == TRIES == 3


async def test_f25_what_the_database_did_not_answer_is_not_asked_again():
    attempts = Attempts([DatabaseUnavailable()])

    with pytest.raises(DatabaseUnavailable):
        await again(attempts, 7, name="ann")

    assert attempts.made == 1
