from enum import Enum


class Unchanged(Enum):
    """Stands for what is to stay as it is, where None takes it away."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED
