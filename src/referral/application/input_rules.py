from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from referral.application.accounts.password_rule import PasswordRule
from referral.application.accounts.ports import EmailAddresses
from referral.application.instant import instant
from referral.application.ports import Clock
from referral.application.webhooks.endpoint_rules import EndpointRules
from referral.domain.accounts.user import EmailAddress, Password, Username
from referral.domain.errors import InvalidInput
from referral.domain.programs.referral_code import CodeText, ensure_may_expire


@dataclass(frozen=True, slots=True)
class InputRules:
    """What the values that people send have to be; each rule gives the value, or raises InvalidInput."""

    email_addresses: EmailAddresses
    password_rule: PasswordRule
    clock: Clock
    endpoints: EndpointRules

    def username(self, raw: str, *, email: str) -> Username:
        """The name of the user with this e-mail address; with an @ it has to be that address, if that is valid."""
        name = Username.parse(raw)
        if "@" in name.value:
            try:
                address = self.email(email)
            except InvalidInput:
                return name
            name.ensure_not_anothers(address)
        return name

    def email(self, raw: str) -> EmailAddress:
        return self.email_addresses.parse(raw)

    def password(self, raw: str, *, unlike: Iterable[Username | EmailAddress] = ()) -> Password:
        return self.password_rule(raw, unlike=unlike)

    def code_text(self, raw: str) -> CodeText:
        return CodeText.parse(raw)

    def expiry(self, raw: datetime | str) -> datetime:
        """When a code shall expire, in UTC; without an offset it is taken as UTC."""
        moment = instant(raw)
        ensure_may_expire(moment, self.clock.now())
        return moment
