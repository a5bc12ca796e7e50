"""The use cases on fakes; each is a fixture of its own name."""

from datetime import timedelta

import pytest

from examples import PASSWORD
from fakes import (
    FakeAccessTokens,
    FakeAuditLog,
    FakeClock,
    FakeCommonPasswords,
    FakeEmailAddresses,
    FakePasswordHasher,
    FakeRandomness,
    FakeRateLimiter,
    FakeRevocations,
    FakeSealing,
    InMemoryStore,
)
from referral.application.audit import Audit
from referral.application.authenticate import Authenticate
from referral.application.change_password import ChangePassword
from referral.application.code_guesses import CodeGuesses
from referral.application.code_status import CodeStatus
from referral.application.confirm_password import ConfirmPassword
from referral.application.erase_user import EraseUser
from referral.application.find_code import FindCode
from referral.application.guess_limits import GuessLimits
from referral.application.input_rules import InputRules
from referral.application.issue_code import IssueCode
from referral.application.list_codes import ListCodes
from referral.application.list_referrals import ListReferrals
from referral.application.log_in import LogIn
from referral.application.once import Once
from referral.application.password_rule import PasswordRule
from referral.application.refresh_token_pair import RefreshTokenPair
from referral.application.register_user import RegisterUser
from referral.application.retire_code import RetireCode
from referral.application.revoke_tokens import RevokeTokens
from referral.application.token_pair import TokenPairs
from referral.application.use_cases import UseCases
from referral.application.who_am_i import WhoAmI


@pytest.fixture
def store() -> InMemoryStore:
    return InMemoryStore()


@pytest.fixture
def randomness() -> FakeRandomness:
    return FakeRandomness()


@pytest.fixture
def password_hasher() -> FakePasswordHasher:
    return FakePasswordHasher()


@pytest.fixture
def access_tokens() -> FakeAccessTokens:
    return FakeAccessTokens()


@pytest.fixture
def rate_limiter(clock: FakeClock) -> FakeRateLimiter:
    return FakeRateLimiter(clock)


@pytest.fixture
def audit_log() -> FakeAuditLog:
    return FakeAuditLog()


@pytest.fixture
def use_cases(
    *,
    store: InMemoryStore,
    clock: FakeClock,
    randomness: FakeRandomness,
    password_hasher: FakePasswordHasher,
    access_tokens: FakeAccessTokens,
    rate_limiter: FakeRateLimiter,
    audit_log: FakeAuditLog,
) -> UseCases:
    audit = Audit(audit_log)
    email_addresses = FakeEmailAddresses()
    rules = InputRules(email_addresses, PasswordRule(FakeCommonPasswords()), clock)
    guess_limits, code_guesses = GuessLimits(rate_limiter), CodeGuesses(rate_limiter)
    confirm_password = ConfirmPassword(password_hasher, guess_limits)
    token_pairs = TokenPairs(access_tokens, randomness, clock, refresh_token_ttl=timedelta(days=30))
    return UseCases(
        register_user=RegisterUser(
            store,
            store.users,
            store.codes,
            rules,
            password_hasher,
            randomness,
            clock,
            rate_limiter,
            code_guesses,
            audit,
        ),
        log_in=LogIn(
            store.users,
            store.refresh_tokens,
            email_addresses,
            password_hasher,
            guess_limits,
            token_pairs,
            randomness,
            audit,
        ),
        refresh_token_pair=RefreshTokenPair(
            store, store.refresh_tokens, token_pairs, clock, rate_limiter, audit
        ),
        revoke_tokens=RevokeTokens(store, audit),
        authenticate=Authenticate(access_tokens, FakeRevocations(store), clock),
        who_am_i=WhoAmI(store.users),
        change_password=ChangePassword(
            store, store.users, confirm_password, rules, password_hasher, clock, audit
        ),
        erase_user=EraseUser(store, store.users, confirm_password, clock, audit),
        issue_code=IssueCode(store, store.codes, rules, randomness, clock, rate_limiter, audit),
        retire_code=RetireCode(store, clock, audit),
        find_code=FindCode(store.codes, email_addresses, rate_limiter, clock, audit),
        code_status=CodeStatus(store.codes, code_guesses, audit),
        list_codes=ListCodes(store.codes),
        list_referrals=ListReferrals(store.referrals, audit),
    )


@pytest.fixture
def sealing():
    return FakeSealing()


@pytest.fixture
def once(store, sealing, clock, audit_log):
    return Once(store.idempotency_records, sealing, clock, Audit(audit_log))


@pytest.fixture
def register_user(use_cases):
    return use_cases.register_user


@pytest.fixture
def log_in(use_cases):
    return use_cases.log_in


@pytest.fixture
def refresh_token_pair(use_cases):
    return use_cases.refresh_token_pair


@pytest.fixture
def revoke_tokens(use_cases):
    return use_cases.revoke_tokens


@pytest.fixture
def authenticate(use_cases):
    return use_cases.authenticate


@pytest.fixture
def who_am_i(use_cases):
    return use_cases.who_am_i


@pytest.fixture
def change_password(use_cases):
    return use_cases.change_password


@pytest.fixture
def erase_user(use_cases):
    return use_cases.erase_user


@pytest.fixture
def issue_code(use_cases):
    return use_cases.issue_code


@pytest.fixture
def retire_code(use_cases):
    return use_cases.retire_code


@pytest.fixture
def find_code(use_cases):
    return use_cases.find_code


@pytest.fixture
def code_status(use_cases):
    return use_cases.code_status


@pytest.fixture
def list_codes(use_cases):
    return use_cases.list_codes


@pytest.fixture
def list_referrals(use_cases):
    return use_cases.list_referrals


@pytest.fixture
def sign_up(register_user):
    """Open an account of this name; the address and the password follow from it."""

    async def sign_up(name, **more):
        return await register_user(
            username=name, email=f"{name}@example.org", password=PASSWORD, **more
        )

    return sign_up


@pytest.fixture
async def owner(sign_up):
    return await sign_up("owner")
