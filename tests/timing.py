"""Whether two kinds of calls can be told apart by the time they take."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import sqrt
from statistics import variance
from typing import NamedTuple


class Auc(NamedTuple):
    """The chance that one of the second takes longer than one of the first, and half its 95 % interval."""

    value: float
    margin: float


def auc(first: Sequence[float], second: Sequence[float]) -> Auc:
    """With the variance that DeLong et al. (1988) give."""

    def shares_below(values: Sequence[float], others: Sequence[float]) -> list[float]:
        ordered = sorted(others)
        return [
            (bisect_left(ordered, v) + bisect_right(ordered, v)) / 2 / len(ordered) for v in values
        ]

    below, above = shares_below(second, first), shares_below(first, second)
    spread = sqrt(variance(below) / len(below) + variance(above) / len(above))
    return Auc(sum(below) / len(below), 1.96 * spread)
