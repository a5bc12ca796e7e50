"""What is refused about events and rewards."""

from referral.domain.errors import InvalidInput, NotFound


class EventDiffers(InvalidInput):
    """There already is an event with this id, and it says something else."""

    detail = "An event with this id was recorded before, with other content."


class RefundExceedsEvent(InvalidInput):
    """Refunds never come to more than the event that they are of."""

    detail = "The refunds of an event never come to more than its amount."


class EventNotFound(NotFound):
    """There is no such event."""

    detail = "There is no such event."
