"""What is refused about codes and referrals."""

from referral.domain.errors import Conflict, Forbidden, NotFound


class NotYourCode(Forbidden):
    """The referral code belongs to someone else."""

    detail = "This referral code belongs to someone else."


class NotYourReferrals(Forbidden):
    """These are another user's referrals; it does not tell whether there is such a user."""

    detail = "You can only see your own referrals."


class CodeNotFound(NotFound):
    """There is no such referral code, or the owner of this address has no active one."""

    detail = "There is no such referral code."


class CodeNotUsable(NotFound):
    """Nobody can sign up with this referral code: it is unknown, expired or withdrawn, and it does not tell which."""

    detail = "This referral code cannot be used."


class ActiveCodeExists(Conflict):
    """A user has at most one active referral code at any moment."""

    detail = "There already is an active referral code."


class CodeTaken(Conflict):
    """A code with this text was issued before, by anyone; no text is given out twice."""

    detail = "This referral code is taken."
