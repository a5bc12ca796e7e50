"""What is refused about programs, codes and referrals."""

from referral.domain.errors import Conflict, Forbidden, InvalidInput, NotFound


class NotYourCode(Forbidden):
    """The referral code belongs to someone else."""

    detail = "This referral code belongs to someone else."


class NotYourReferrals(Forbidden):
    """These are another user's referrals; it does not tell whether there is such a user."""

    detail = "You can only see your own referrals."


class ProgramNotFound(NotFound):
    """There is no program with this slug."""

    detail = "There is no such program."


class TermsNotFound(NotFound):
    """The program's terms have no such version."""

    detail = "The program has no such version of its terms."


class CodeNotFound(NotFound):
    """There is no such referral code, or the owner of this address has no active one."""

    detail = "There is no such referral code."


class CodeNotUsable(NotFound):
    """Nobody can sign up with this referral code: it does not tell why.

    It is unknown, expired, withdrawn or used up, or its program takes no referrals.
    """

    detail = "This referral code cannot be used."


class ReferralNotFound(NotFound):
    """There is no such referral: nobody with this id was referred."""

    detail = "There is no such referral."


class SelfReferral(InvalidInput):
    """The code is the participant's own, and nobody refers themselves."""

    detail = "Nobody refers themselves."


class CircularReferral(InvalidInput):
    """The participant brought the owner of the code themselves, and two people do not bring each other."""

    detail = "The participant brought the owner of the code."


class TooLateToRefer(InvalidInput):
    """The participant has been here for longer than the program's terms let someone be referred."""

    detail = "The participant was enrolled too long ago to be referred."


class ReferralNotHeld(Conflict):
    """The referral is not held, or somebody has decided about it already."""

    detail = "The referral is not held."


class AlreadyReferred(Conflict):
    """The participant was referred with another code before, and people are referred once."""

    detail = "The participant was referred before."


class ActiveCodeExists(Conflict):
    """A user has at most one active referral code of a program at any moment."""

    detail = "There already is an active referral code."


class CodeTaken(Conflict):
    """A code with this text was issued before, by anyone; no text is given out twice."""

    detail = "This referral code is taken."


class SlugTaken(Conflict):
    """There already is a program with this slug."""

    detail = "There already is a program with this slug."


class StatusNotReachable(Conflict):
    """A program in its status cannot become what is asked for: draft → active ⇄ paused → ended."""

    detail = "The program cannot become this."


class ProgramNotOpen(Conflict):
    """The program is not active, or outside its dates: it takes no new codes and referrals now."""

    detail = "This program takes no new codes now."
