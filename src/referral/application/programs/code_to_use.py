"""The code that someone signs up or is joined with; whatever is wrong with it, it is said to be not usable."""

from referral.application.programs.ports import ReferralCodes
from referral.application.transaction import Transaction
from referral.domain.accounts.errors import UserNotFound
from referral.domain.accounts.user import Participant
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import CodeNotFound, CodeNotUsable
from referral.domain.programs.referral_code import CodeText, ReferralCode


async def code_named(codes: ReferralCodes, raw: str) -> ReferralCode:
    """The code of this text; raise CodeNotUsable where there is none."""
    try:
        return await codes.by_text(CodeText.parse(raw))
    except (InvalidInput, CodeNotFound):
        raise CodeNotUsable from None


async def locked_with_owner(
    tx: Transaction, code: ReferralCode
) -> tuple[ReferralCode, Participant]:
    """The code as it is now, and its owner, who is locked; raise CodeNotUsable for one who was erased."""
    try:
        owner = await tx.users.lock(code.owner_id)
    except UserNotFound:
        raise CodeNotUsable from None
    return await tx.codes.by_text(code.text), owner
