from email_validator import EmailNotValidError, validate_email

from referral.domain.accounts.user import EMAIL_MAX_LENGTH, EmailAddress
from referral.domain.errors import InvalidInput


class ValidatedEmailAddresses:
    """E-mail addresses as email-validator reads them, without asking the DNS.

    Names that are reserved for testing (RFC 6761 §6.2) are taken: they harm nobody, and tests need some.
    """

    def parse(self, raw: str) -> EmailAddress:
        if len(raw) > EMAIL_MAX_LENGTH:
            raise InvalidInput(f"An e-mail address has at most {EMAIL_MAX_LENGTH} characters.")
        try:
            valid = validate_email(
                raw, check_deliverability=False, test_environment=True, strict=True
            )
        except EmailNotValidError as error:
            raise InvalidInput(f"This is not a valid e-mail address: {error}") from None
        if len(valid.normalized) > EMAIL_MAX_LENGTH:
            raise InvalidInput(f"An e-mail address has at most {EMAIL_MAX_LENGTH} characters.")
        return EmailAddress(valid.normalized)
