"""What an API key of the service looks like, for detect-secrets."""

import re

from detect_secrets.plugins.base import RegexBasedDetector


class ApiKeyDetector(RegexBasedDetector):
    """`rk_`, 30 random letters and digits, and 6 of a checksum."""

    secret_type = "API key of the referral service"  # noqa: S105  what it is called
    denylist = (re.compile(r"rk_[0-9A-Za-z]{36}(?![0-9A-Za-z])"),)
