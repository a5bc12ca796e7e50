"""What is refused about events and rewards."""

from referral.domain.errors import Busy, Conflict, InvalidInput, NotFound


class EventDiffers(InvalidInput):
    """There already is an event with this id, and it says something else."""

    detail = "An event with this id was recorded before, with other content."


class RefundExceedsEvent(InvalidInput):
    """Refunds never come to more than the event that they are of."""

    detail = "The refunds of an event never come to more than its amount."


class EventNotFound(NotFound):
    """There is no such event."""

    detail = "There is no such event."


class RewardNotFound(NotFound):
    """There is no such reward."""

    detail = "There is no such reward."


class RewardIsSettled(Conflict):
    """What was paid, rejected or taken back stays so, and only what is approved is paid."""

    detail = "The reward's status does not allow this."


class PayoutDiffers(InvalidInput):
    """There already is a payout with this reference, and it pays something else."""

    detail = "A payout with this reference was made before, of something else."


class NothingToPay(Conflict):
    """No approved rewards in this unit are left to pay, or somebody would get nothing for what is to be recovered."""

    detail = "There is nothing to pay in this unit."


class PayoutNotFound(NotFound):
    """There is no such payout."""

    detail = "There is no such payout."


class BacktestTooLarge(InvalidInput):
    """More happened than can be judged once more while a caller waits."""

    way_out = "Ask for fewer days with `from` and `to`, or run `referral program backtest`, which has no limit."
    detail = f"More than 20000 referrals and events are too many here. {way_out}"


class BacktestBusy(Busy):
    """One backtest runs at a time, and others were before this one for too long."""

    detail = "Other backtests are before this one; try again in a moment."
