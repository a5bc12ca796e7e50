"""The use cases, and what they are made of."""

from dataclasses import fields
from datetime import timedelta

from dishka import (
    Provider,
    Scope,
    provide,
    provide_all,
)

from referral.application.access.guess_limits import GuessLimits
from referral.application.access.limit import Limit
from referral.application.access.once import Once
from referral.application.access.ports import (
    AccessTokens,
    RateLimiter,
)
from referral.application.access.quotas import Quotas
from referral.application.access.token_pair import TokenPairs
from referral.application.accounts.confirm_password import ConfirmPassword
from referral.application.accounts.password_rule import PasswordRule
from referral.application.audit import Audit
from referral.application.input_rules import InputRules
from referral.application.ports import Clock, Randomness
from referral.application.programs.code_guesses import CodeGuesses
from referral.application.programs.known_programs import KnownPrograms
from referral.application.rewards.awards import Awards
from referral.application.rewards.bookkeeping import Bookkeeping
from referral.application.rewards.event_awards import EventAwards
from referral.application.rewards.new_referrals import NewReferrals
from referral.application.use_cases import (
    Access,
    Accounts,
    Programs,
    Rewards,
    UseCases,
    Webhooks,
)
from referral.application.webhooks.deliver_messages import Retention
from referral.application.webhooks.endpoint_rules import EndpointRules
from referral.entrypoints.bootstrap.settings import Settings


class Application(Provider):
    """The use cases; dishka fills in what their fields ask for."""

    scope = Scope.APP

    groups = provide_all(UseCases, Accounts, Access, Programs, Rewards, Webhooks)
    use_cases = provide_all(
        *(
            use.type
            for group in (Accounts, Access, Programs, Rewards, Webhooks)
            for use in fields(group)
        )
    )
    parts = provide_all(
        Audit,
        PasswordRule,
        InputRules,
        GuessLimits,
        CodeGuesses,
        ConfirmPassword,
        KnownPrograms,
        Once,
        Awards,
        Bookkeeping,
        EventAwards,
        NewReferrals,
    )

    @provide
    def token_pairs(
        self,
        access_tokens: AccessTokens,
        randomness: Randomness,
        clock: Clock,
        settings: Settings,
    ) -> TokenPairs:
        return TokenPairs(access_tokens, randomness, clock, settings.refresh_token_ttl)

    @provide
    def quotas(self, rate_limiter: RateLimiter, clock: Clock, settings: Settings) -> Quotas:
        return Quotas(rate_limiter, clock, Limit(settings.key_rate_limit, timedelta(minutes=1)))

    @provide
    def endpoint_rules(self, settings: Settings) -> EndpointRules:
        return EndpointRules(private_networks=settings.webhook_private_networks == "on")

    @provide
    def retention(self, settings: Settings) -> Retention:
        return Retention(settings.webhook_retention)
