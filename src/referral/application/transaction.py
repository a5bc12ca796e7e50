"""One transaction for what belongs together."""

from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Protocol

from referral.application.access.ports import RefreshTokens
from referral.application.accounts.ports import Participants, Users
from referral.application.programs.ports import Programs, ReferralCodes, Referrals
from referral.application.rewards.ports import Decisions, Events, Payouts, Rewards
from referral.application.webhooks.ports import Endpoints, Outbox


class Transaction(Protocol):
    """The stores, within one transaction."""

    users: Users
    participants: Participants
    programs: Programs
    codes: ReferralCodes
    referrals: Referrals
    events: Events
    rewards: Rewards
    decisions: Decisions
    payouts: Payouts
    endpoints: Endpoints
    outbox: Outbox
    refresh_tokens: RefreshTokens


class UnitOfWork(Protocol):
    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        """All that is done inside is committed at a clean end, before anything after it runs.

        An exception that leaves the block undoes all of it; what a store refuses changes nothing, and the
        block may go on. Outside, each call on a store is a transaction of its own.
        """

    def apart(self) -> AbstractContextManager[None]:
        """What is done inside belongs to no call around it: it is committed by itself, and waits as long as a call may.

        It comes before that call writes anything.
        """
