from dataclasses import dataclass

from referral.application.access.authenticate import Authenticate
from referral.application.access.create_key import CreateKey
from referral.application.access.grant_admin import GrantAdmin
from referral.application.access.list_admins import ListAdmins
from referral.application.access.list_keys import ListKeys
from referral.application.access.log_in import LogIn
from referral.application.access.refresh_token_pair import RefreshTokenPair
from referral.application.access.revoke_admin import RevokeAdmin
from referral.application.access.revoke_key import RevokeKey
from referral.application.access.revoke_tokens import RevokeTokens
from referral.application.accounts.change_password import ChangePassword
from referral.application.accounts.enrol_participant import EnrolParticipant
from referral.application.accounts.erase_participant import EraseParticipant
from referral.application.accounts.erase_user import EraseUser
from referral.application.accounts.find_user import FindUser
from referral.application.accounts.is_anybody_here import IsAnybodyHere
from referral.application.accounts.register_user import RegisterUser
from referral.application.accounts.show_participant import ShowParticipant
from referral.application.accounts.who_am_i import WhoAmI
from referral.application.programs.add_terms import AddTerms
from referral.application.programs.change_program import ChangeProgram
from referral.application.programs.code_status import CodeStatus
from referral.application.programs.create_program import CreateProgram
from referral.application.programs.expire_referrals import ExpireReferrals
from referral.application.programs.find_code import FindCode
from referral.application.programs.find_referrals import FindReferrals
from referral.application.programs.issue_code import IssueCode
from referral.application.programs.issue_participant_code import IssueParticipantCode
from referral.application.programs.list_codes import ListCodes
from referral.application.programs.list_participant_codes import ListParticipantCodes
from referral.application.programs.list_programs import ListPrograms
from referral.application.programs.list_referrals import ListReferrals
from referral.application.programs.refer_participant import ReferParticipant
from referral.application.programs.retire_code import RetireCode
from referral.application.programs.show_program import ShowProgram
from referral.application.programs.show_referral import ShowReferral
from referral.application.programs.show_terms import ShowTerms
from referral.application.rewards.approve_due_rewards import ApproveDueRewards
from referral.application.rewards.backtest_terms import BacktestTerms
from referral.application.rewards.decide_review import DecideReview
from referral.application.rewards.decide_reward import DecideReward
from referral.application.rewards.explain_referral import ExplainReferral
from referral.application.rewards.export_payouts import ExportPayouts
from referral.application.rewards.find_payouts import FindPayouts
from referral.application.rewards.find_reviews import FindReviews
from referral.application.rewards.find_rewards import FindRewards
from referral.application.rewards.make_payout import MakePayout
from referral.application.rewards.my_rewards import MyRewards
from referral.application.rewards.record_event import RecordEvent
from referral.application.rewards.record_events import RecordEvents
from referral.application.rewards.show_balance import ShowBalance
from referral.application.rewards.show_payout import ShowPayout
from referral.application.rewards.verify_ledger import VerifyLedger
from referral.application.webhooks.change_endpoint import ChangeEndpoint
from referral.application.webhooks.count_waiting import CountWaiting
from referral.application.webhooks.create_endpoint import CreateEndpoint
from referral.application.webhooks.delete_endpoint import DeleteEndpoint
from referral.application.webhooks.deliver_messages import DeliverMessages
from referral.application.webhooks.list_deliveries import ListDeliveries
from referral.application.webhooks.list_endpoints import ListEndpoints
from referral.application.webhooks.replay_message import ReplayMessage
from referral.application.webhooks.replay_messages import ReplayMessages
from referral.application.webhooks.rotate_secret import RotateSecret
from referral.application.webhooks.show_backlog import ShowBacklog
from referral.application.webhooks.show_endpoint import ShowEndpoint
from referral.application.webhooks.try_endpoint import TryEndpoint


@dataclass(frozen=True, slots=True)
class Accounts:
    """Who exists: people, their passwords, and those whom servers enrol."""

    register_user: RegisterUser
    find_user: FindUser
    who_am_i: WhoAmI
    change_password: ChangePassword
    erase_user: EraseUser
    enrol_participant: EnrolParticipant
    show_participant: ShowParticipant
    erase_participant: EraseParticipant
    is_anybody_here: IsAnybodyHere


@dataclass(frozen=True, slots=True)
class Access:
    """Who may: log-ins and tokens, API keys and administrators."""

    log_in: LogIn
    refresh_token_pair: RefreshTokenPair
    revoke_tokens: RevokeTokens
    authenticate: Authenticate
    create_key: CreateKey
    list_keys: ListKeys
    revoke_key: RevokeKey
    grant_admin: GrantAdmin
    revoke_admin: RevokeAdmin
    list_admins: ListAdmins


@dataclass(frozen=True, slots=True)
class Programs:
    """Programs and their terms, codes and referrals."""

    create_program: CreateProgram
    list_programs: ListPrograms
    show_program: ShowProgram
    change_program: ChangeProgram
    add_terms: AddTerms
    show_terms: ShowTerms
    issue_code: IssueCode
    retire_code: RetireCode
    find_code: FindCode
    code_status: CodeStatus
    list_codes: ListCodes
    list_referrals: ListReferrals
    issue_participant_code: IssueParticipantCode
    list_participant_codes: ListParticipantCodes
    refer_participant: ReferParticipant
    find_referrals: FindReferrals
    show_referral: ShowReferral
    expire_referrals: ExpireReferrals


@dataclass(frozen=True, slots=True)
class Rewards:
    """Events, what they are worth, and what is paid."""

    record_event: RecordEvent
    record_events: RecordEvents
    find_rewards: FindRewards
    my_rewards: MyRewards
    show_balance: ShowBalance
    decide_reward: DecideReward
    approve_due_rewards: ApproveDueRewards
    make_payout: MakePayout
    find_payouts: FindPayouts
    show_payout: ShowPayout
    export_payouts: ExportPayouts
    find_reviews: FindReviews
    decide_review: DecideReview
    explain_referral: ExplainReferral
    verify_ledger: VerifyLedger
    backtest_terms: BacktestTerms


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Endpoints, and what is sent to them."""

    create_endpoint: CreateEndpoint
    list_endpoints: ListEndpoints
    show_endpoint: ShowEndpoint
    change_endpoint: ChangeEndpoint
    delete_endpoint: DeleteEndpoint
    rotate_secret: RotateSecret
    deliver_messages: DeliverMessages
    list_deliveries: ListDeliveries
    try_endpoint: TryEndpoint
    replay_message: ReplayMessage
    replay_messages: ReplayMessages
    count_waiting: CountWaiting
    show_backlog: ShowBacklog


@dataclass(frozen=True, slots=True)
class UseCases:
    """Everything that someone can do, each ready to be called."""

    accounts: Accounts
    access: Access
    programs: Programs
    rewards: Rewards
    webhooks: Webhooks
