from dataclasses import dataclass

from referral.application.authenticate import Authenticate
from referral.application.change_password import ChangePassword
from referral.application.code_status import CodeStatus
from referral.application.erase_user import EraseUser
from referral.application.find_code import FindCode
from referral.application.issue_code import IssueCode
from referral.application.list_codes import ListCodes
from referral.application.list_referrals import ListReferrals
from referral.application.log_in import LogIn
from referral.application.refresh_token_pair import RefreshTokenPair
from referral.application.register_user import RegisterUser
from referral.application.retire_code import RetireCode
from referral.application.revoke_tokens import RevokeTokens
from referral.application.who_am_i import WhoAmI


@dataclass(frozen=True, slots=True)
class UseCases:
    """Everything that someone can do, each ready to be called."""

    register_user: RegisterUser
    log_in: LogIn
    refresh_token_pair: RefreshTokenPair
    revoke_tokens: RevokeTokens
    authenticate: Authenticate
    who_am_i: WhoAmI
    change_password: ChangePassword
    erase_user: EraseUser
    issue_code: IssueCode
    retire_code: RetireCode
    find_code: FindCode
    code_status: CodeStatus
    list_codes: ListCodes
    list_referrals: ListReferrals
