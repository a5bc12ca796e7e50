from collections.abc import Iterable
from dataclasses import dataclass

from referral.application.ports import CommonPasswords
from referral.domain.errors import InvalidInput
from referral.domain.user import EmailAddress, Password, Username


@dataclass(frozen=True, slots=True)
class PasswordRule:
    """What makes a password acceptable (OWASP ASVS 5.0, 6.2); raises InvalidInput."""

    common_passwords: CommonPasswords

    def __call__(self, raw: str, *, unlike: Iterable[Username | EmailAddress] = ()) -> Password:
        password = Password.parse(raw)
        password.ensure_unlike(*unlike)
        if password.text in self.common_passwords:
            raise InvalidInput("This password is among the most common ones; choose another.")
        return password
