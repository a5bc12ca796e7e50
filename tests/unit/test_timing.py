import random

import pytest

from timing import auc


@pytest.mark.parametrize(
    ("first", "second", "value"),
    [
        ([1, 2, 3], [4, 5, 6], 1),
        ([4, 5, 6], [1, 2, 3], 0),
        ([1, 2, 3], [1, 2, 3], 0.5),
        ([1, 1, 1], [1, 1, 1], 0.5),
        ([1, 3], [2, 4], 0.75),
    ],
)
def test_it_is_the_chance_that_one_of_the_second_takes_longer(first, second, value):
    assert auc(first, second).value == pytest.approx(value)


def test_times_that_are_drawn_alike_cannot_be_told_apart():
    draw = random.Random(1).expovariate

    value, margin = auc([draw(1) for _ in range(400)], [draw(1) for _ in range(400)])

    assert abs(value - 0.5) < margin < 0.05


def test_a_tenth_of_the_spread_more_shows_among_many():
    draw = random.Random(1).gauss
    quick, slow = ([draw(mean, 1) for _ in range(4000)] for mean in (0, 0.1))

    value, margin = auc(quick, slow)

    assert value - margin > 0.5
