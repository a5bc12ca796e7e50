"""What the page of each problem says, at `/problems/` and its slug; OpenAPI says the same."""

from inspect import cleandoc

from referral.domain.access.errors import (
    IdempotencyKeyReused,
    InvalidAccessToken,
    InvalidRefreshToken,
    KeyNotFound,
    MissingScope,
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
    WrongPassword,
)
from referral.domain.errors import DatabaseUnavailable, InvalidInput, OutcomeUnknown, ShuttingDown
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
from referral.entrypoints.http.problems import types
from referral.entrypoints.http.problems.types import Refusal

_TEXTS: dict[type[Refusal], str] = {
    InvalidInput: """The input is well-formed, but one or more of its values break a rule.

        Every value that breaks a rule is listed in `errors`, with the reason.""",
    IdempotencyKeyReused: "The `Idempotency-Key` came with another request before; a new request needs a new key.",
    WrongCredentials: """No account has this name or address together with this password.

        The answer is the same whether the account exists or not.""",
    InvalidAccessToken: """The call needs a bearer access token or an API key, and the one it came with is missing, malformed, expired or revoked, or its account was erased.

        Get a new token from the token endpoint. A key that is no key, by its checksum, is told so in `detail`: it may be mistyped.""",
    InvalidRefreshToken: """The refresh token is unknown, expired, revoked or was used before.

        Each refresh token works once. One that comes back a second time may have been stolen, so every token that descends from the same log-in is revoked with it: log in again.""",
    MissingScope: """The call needs a scope that the API key does not have, or the account is no administrator's; `scope` names it.

        To write includes to read. Use a key that has the scope, or have one made.""",
    KeyNotFound: "There is no API key with this id, or it was revoked before.",
    QuotaExceeded: """An API key makes so many calls a minute, as `RateLimit-Policy` tells; `RateLimit` tells what is left.

        Wait as long as `Retry-After` says.""",
    PersonNeeded: "The call is about the account of who calls, so it needs a person's access token; an API key has no account.",
    NotYourCode: "The referral code belongs to someone else; only its owner can withdraw it.",
    NotYourReferrals: """You can see your own referrals, and nobody else's.

        The answer is the same whether the other account exists or not.""",
    WrongPassword: "The account's current password is needed for this, and the one given is not it.",
    CodeNotFound: "There is no such referral code, or the owner of this address has no active one.",
    CodeNotUsable: """Nobody can sign up with this referral code: it is unknown, expired, withdrawn or used up, or its program takes no referrals now.

        The answer is the same for all of them. Nothing was done; use another code, or sign up without one.""",
    ActiveCodeExists: """A user has at most one active referral code of a program at any moment.

        Withdraw the active one first, or ask for it to be replaced with `replace_active`.""",
    CodeTaken: "The text of this referral code was used before, by anyone, and is never given out again.",
    ParticipantNotFound: """There is no such participant: nobody was enrolled under this external id, or they were erased.

        Someone who registered here is named by `user:` and their id.""",
    ReferralNotFound: "There is no such referral. Its id is that of the person who was referred.",
    ReferralNotHeld: "The referral is not held: it never was, or somebody has decided about it already.",
    AlreadyReferred: """The participant was referred with another code before, or signed up with it.

        People are referred once, whatever the program. With the code that they were referred with, the call is answered with that referral.""",
    CircularReferral: "The owner of the code was brought by the participant, and two people do not bring each other.",
    SelfReferral: "The code is the participant's own, and nobody refers themselves.",
    TooLateToRefer: """The participant has been here for longer than `attach_within_days` of the program's terms.

        Refer people when you enrol them, or soon after it.""",
    ExternalIdTaken: "There already is a participant with this external id.",
    ProgramNotFound: "There is no program with this slug.",
    TermsNotFound: "The program's terms have no such version; they are numbered from 1.",
    EndpointDisabled: """The webhook endpoint is disabled, and is sent nothing: `disabled_because` of the endpoint says why.

        Mend what was wrong, and make it active with `PATCH`.""",
    MessageNotFound: "The endpoint was never sent a message with this id, or it is not kept any more.",
    EndpointNotFound: "There is no webhook endpoint with this id, or it was deleted.",
    EventDiffers: """An event with this id was recorded before, with other content; nothing was changed.

        An event that is told again has to be the same in every member; another event needs another id.""",
    EventNotFound: "There is no such event of this participant that could be refunded.",
    RefundExceedsEvent: "All refunds of an event together come to no more than its amount, in its unit. One without an amount has none to refund.",
    BacktestTooLarge: """A backtest over HTTP takes at most 20,000 referrals and events, and 10 seconds; nothing was changed.

        Ask for fewer days with `from` and `to`, or run `referral program backtest` on the command line, which has no limit.""",
    RewardNotFound: "There is no such reward.",
    RewardIsSettled: """The reward's status does not allow what is asked for; nothing was changed.

        What was paid, rejected or taken back stays so, and only what is approved is paid.""",
    PayoutNotFound: "There is no such payout.",
    PayoutDiffers: """A payout with this reference was made before, of something else; nothing was paid.

        The same payout that is asked for again is answered with the first one; another one needs another reference.""",
    NothingToPay: """There are no approved rewards in this unit to pay, or more than they come to is to be recovered.

        Rewards that are named have to be of the payout's unit, all of them, and come to more than nothing for each person.""",
    SlugTaken: "There already is a program with this slug, and each has its own.",
    StatusNotReachable: """A program in its status cannot become what is asked for.

        A draft becomes active, an active program paused or ended, and a paused one active or ended. One that has ended stays so, and the default program does not end.""",
    ProgramNotOpen: """The program takes no new codes and referrals now: it is not active, or the time is outside its dates.

        What is there already goes on.""",
    EmailTaken: "There already is an account with this e-mail address; case makes no difference.",
    RequestInProgress: "A call with the same `Idempotency-Key` is not answered yet; repeat it in a moment to get its answer.",
    UsernameTaken: "There already is an account with this user name; case makes no difference.",
    TooManyAttempts: "It was tried too often in a short time; wait as long as `Retry-After` says.",
    HashingBusy: "More passwords wait to be checked than the service can check in good time.",
    BacktestBusy: """One backtest runs at a time, and this one waited ten seconds for its turn; nothing was done for it.

        Try again, or run `referral program backtest` on the command line, which waits for no other.""",
    DatabaseUnavailable: "The database does not answer in time. The service resumes by itself as soon as it does.",
    ShuttingDown: "The service was told to stop: it finishes what it has begun, and new calls go elsewhere.",
    OutcomeUnknown: """The database did not say whether it did what was asked for: it may have been done, or not.

        Ask what is there now, or repeat the call with the same `Idempotency-Key`.""",
    types.MalformedRequest: "The request cannot be read: it is not valid JSON, a value has the wrong type, or a parameter is repeated.",
    types.UnsupportedGrantType: "The token endpoint takes the grant types `password` and `refresh_token` (RFC 6749 §5.2).",
    types.UnknownHost: """The host that the request names in the header `Host` is none that this service answers for.

        This keeps web pages from reaching it through a browser, by a name of theirs that leads here. An IP address is always answered for; other names are allowed with the setting `REFERRAL_ALLOWED_HOSTS`.""",
    types.AddressNotFound: "The service has nothing at this address. `/docs` lists what it has.",
    types.MethodNotAllowed: "The address does not take this method; the `Allow` header lists those it takes.",
    types.BodyTooSlow: "The body did not arrive within some seconds; they are fewer while many bodies are waited for from one address.",
    types.BodyTooLarge: "A body, or a line of a batch, has at most 64 KiB; a batch has at most 1 MiB.",
    types.UnsupportedMediaType: "The body is of another media type, character set or encoding than this call takes.",
    types.TooManyCalls: "More calls of this caller are under way than the service works on at a time; nothing was done for this one.",
    types.NoRoom: "The service has no memory left for this call, or may open no more files or threads; nothing was done.",
    types.InternalError: "Something went wrong that should not have. The log says what, under the id in `X-Request-ID`.",
}

EXPLANATIONS = {kind: cleandoc(text) for kind, text in _TEXTS.items()}
