"""What is refused about accounts."""

from referral.domain.errors import Busy, Conflict, Forbidden, NotFound


class WrongPassword(Forbidden):
    """The account's current password is needed for this, and the one given is not it."""

    detail = "The current password is wrong."


class UserNotFound(NotFound):
    """There is no such user."""

    detail = "There is no such user."


class ParticipantNotFound(NotFound):
    """There is no such participant."""

    detail = "There is no such participant."


class ExternalIdTaken(Conflict):
    """There already is a participant with this external id."""

    detail = "There already is a participant with this external id."


class EmailTaken(Conflict):
    """There already is an account with this e-mail address; case makes no difference."""

    detail = "There already is an account with this e-mail address."


class UsernameTaken(Conflict):
    """There already is an account with this user name; case makes no difference."""

    detail = "This user name is taken."


class HashingBusy(Busy):
    """More passwords wait to be checked than the service can check in good time."""

    detail = "Too many passwords are being checked; try again in a moment."
