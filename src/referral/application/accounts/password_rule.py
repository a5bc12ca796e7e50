from collections.abc import Iterable
from dataclasses import dataclass

from referral.application.accounts.ports import CommonPasswords
from referral.domain.accounts.user import EmailAddress, Password, Username
from referral.domain.errors import InvalidInput

# What is easy to guess here, forwards or backwards, beside what everybody chooses everywhere (ASVS 5.0, 6.2.11).
EASY = "referral 01234567890 abcdefghijklmnopqrstuvwxyz qwertyuiop asdfghjkl"


@dataclass(frozen=True, slots=True)
class PasswordRule:
    """What makes a password acceptable (OWASP ASVS 5.0, 6.2); raises InvalidInput.

    A common one does not get better with digits and signs before or after it.
    """

    common_passwords: CommonPasswords

    def __call__(self, raw: str, *, unlike: Iterable[Username | EmailAddress] = ()) -> Password:
        password = Password.parse(raw)
        password.ensure_unlike(*unlike)
        for text in password.undecorated():
            if text in EASY or text in EASY[::-1] or text in self.common_passwords:
                raise InvalidInput("This password is among the most common ones; choose another.")
        return password
