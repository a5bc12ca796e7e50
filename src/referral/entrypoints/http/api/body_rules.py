"""Which rules the values of each body follow."""

from referral.application.input_rules import InputRules
from referral.application.instant import instant
from referral.domain.access.api_key import key_name
from referral.domain.programs.program import ProgramStatus, Slug, landing_url, program_name
from referral.domain.programs.terms import Terms
from referral.domain.webhooks.endpoint import EndpointStatus
from referral.entrypoints.http.api.code import NewCode
from referral.entrypoints.http.api.deliveries import WantedReplay
from referral.entrypoints.http.api.keys import NewKey
from referral.entrypoints.http.api.program import NewProgram, ProgramChange
from referral.entrypoints.http.api.registration import NewReferee, NewUser
from referral.entrypoints.http.api.users import PasswordChange
from referral.entrypoints.http.api.webhook import EndpointChange, NewEndpoint
from referral.entrypoints.http.request.body import Rules


def rules_of_bodies(rules: InputRules) -> dict[type, Rules]:
    """What the use cases will ask of these bodies' values, for telling it beside what else is wrong."""
    registration: Rules = {
        "username": lambda name, given: rules.username(name, email=given.get("email", "")),
        "email": lambda email, _: rules.email(email),
        "password": lambda password, _: rules.password(password),
    }
    dates: Rules = {
        "name": lambda name, _: program_name(name),
        "starts_at": lambda time, _: instant(time),
        "ends_at": lambda time, _: instant(time),
        "landing_url": lambda url, _: landing_url(url),
    }
    endpoint: Rules = {
        "url": lambda url, _: rules.endpoints.url(url),
        "events": lambda events, _: rules.endpoints.events(events),
        "description": lambda about, _: rules.endpoints.description(about),
    }
    times: Rules = {name: lambda time, _: instant(time) for name in ("from", "to")}
    return {
        WantedReplay: times,
        NewReferee: registration,
        NewUser: registration,
        PasswordChange: {"new_password": lambda password, _: rules.password(password)},
        NewCode: {
            "code": lambda code, _: rules.code_text(code),
            "expires_at": lambda time, _: rules.expiry(time),
        },
        NewProgram: {
            "slug": lambda slug, _: Slug.parse(slug),
            "terms": lambda terms, _: Terms.parse(terms),
            **dates,
        },
        ProgramChange: {"status": lambda status, _: ProgramStatus.parse(status), **dates},
        NewKey: {"name": lambda name, _: key_name(name)},
        NewEndpoint: endpoint,
        EndpointChange: {"status": lambda status, _: EndpointStatus.parse(status), **endpoint},
    }
