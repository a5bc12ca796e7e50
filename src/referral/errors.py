"""Everything that can be refused, by what the caller can do about it.

ReferralError
├── InvalidInput            a value breaks a rule: change it
│   ├── BacktestTooLarge
│   ├── CircularReferral
│   ├── EventDiffers
│   ├── IdempotencyKeyReused
│   ├── PayoutDiffers
│   ├── RefundExceedsEvent
│   ├── SelfReferral
│   └── TooLateToRefer
├── Unauthenticated         say who you are
│   ├── WrongCredentials
│   ├── InvalidAccessToken
│   └── InvalidRefreshToken
├── Forbidden               it is not yours
│   ├── MissingScope
│   ├── NotYourCode
│   ├── NotYourReferrals
│   ├── PersonNeeded
│   └── WrongPassword
├── NotFound                it is not there
│   ├── CodeNotFound
│   ├── CodeNotUsable
│   ├── EndpointNotFound
│   ├── EventNotFound
│   ├── KeyNotFound
│   ├── MessageNotFound
│   ├── NotAnAdministrator
│   ├── ParticipantNotFound
│   ├── PayoutNotFound
│   ├── ProgramNotFound
│   ├── ReferralNotFound
│   ├── RewardNotFound
│   ├── TermsNotFound
│   └── UserNotFound
├── Conflict                it collides with what is there
│   ├── ActiveCodeExists
│   ├── AlreadyReferred
│   ├── CodeTaken
│   ├── EmailTaken
│   ├── EndpointDisabled
│   ├── ExternalIdTaken
│   ├── NothingToPay
│   ├── ProgramNotOpen
│   ├── ReferralNotHeld
│   ├── RequestInProgress
│   ├── RewardIsSettled
│   ├── SlugTaken
│   ├── StatusNotReachable
│   └── UsernameTaken
└── Busy                    come back later
    ├── TooManyAttempts
    │   └── QuotaExceeded
    ├── BacktestBusy
    ├── HashingBusy
    ├── DatabaseUnavailable
    ├── ShuttingDown
    └── OutcomeUnknown      ask whether it was done
"""

from referral.domain.access.errors import (
    IdempotencyKeyReused,
    InvalidAccessToken,
    InvalidRefreshToken,
    KeyNotFound,
    MissingScope,
    NotAnAdministrator,
    PersonNeeded,
    QuotaExceeded,
    RequestInProgress,
    TooManyAttempts,
    WrongCredentials,
)
from referral.domain.accounts.errors import (
    EmailTaken,
    ExternalIdTaken,
    HashingBusy,
    ParticipantNotFound,
    UsernameTaken,
    UserNotFound,
    WrongPassword,
)
from referral.domain.errors import (
    Busy,
    Conflict,
    DatabaseUnavailable,
    Forbidden,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    ReferralError,
    ShuttingDown,
    Unauthenticated,
    Violation,
)
from referral.domain.programs.errors import (
    ActiveCodeExists,
    AlreadyReferred,
    CircularReferral,
    CodeNotFound,
    CodeNotUsable,
    CodeTaken,
    NotYourCode,
    NotYourReferrals,
    ProgramNotFound,
    ProgramNotOpen,
    ReferralNotFound,
    ReferralNotHeld,
    SelfReferral,
    SlugTaken,
    StatusNotReachable,
    TermsNotFound,
    TooLateToRefer,
)
from referral.domain.rewards.errors import (
    BacktestBusy,
    BacktestTooLarge,
    EventDiffers,
    EventNotFound,
    NothingToPay,
    PayoutDiffers,
    PayoutNotFound,
    RefundExceedsEvent,
    RewardIsSettled,
    RewardNotFound,
)
from referral.domain.webhooks.errors import EndpointDisabled, EndpointNotFound, MessageNotFound

__all__ = [
    "ActiveCodeExists",
    "AlreadyReferred",
    "BacktestBusy",
    "BacktestTooLarge",
    "Busy",
    "CircularReferral",
    "CodeNotFound",
    "CodeNotUsable",
    "CodeTaken",
    "Conflict",
    "DatabaseUnavailable",
    "EmailTaken",
    "EndpointDisabled",
    "EndpointNotFound",
    "EventDiffers",
    "EventNotFound",
    "ExternalIdTaken",
    "Forbidden",
    "HashingBusy",
    "IdempotencyKeyReused",
    "InvalidAccessToken",
    "InvalidInput",
    "InvalidRefreshToken",
    "KeyNotFound",
    "MessageNotFound",
    "MissingScope",
    "NotAnAdministrator",
    "NotFound",
    "NotYourCode",
    "NotYourReferrals",
    "NothingToPay",
    "OutcomeUnknown",
    "ParticipantNotFound",
    "PayoutDiffers",
    "PayoutNotFound",
    "PersonNeeded",
    "ProgramNotFound",
    "ProgramNotOpen",
    "QuotaExceeded",
    "ReferralError",
    "ReferralNotFound",
    "ReferralNotHeld",
    "RefundExceedsEvent",
    "RequestInProgress",
    "RewardIsSettled",
    "RewardNotFound",
    "SelfReferral",
    "ShuttingDown",
    "SlugTaken",
    "StatusNotReachable",
    "TermsNotFound",
    "TooLateToRefer",
    "TooManyAttempts",
    "Unauthenticated",
    "UserNotFound",
    "UsernameTaken",
    "Violation",
    "WrongCredentials",
    "WrongPassword",
]
