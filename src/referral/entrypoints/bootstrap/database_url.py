"""What can be said of a database URL, and shown of it."""

import re
from urllib.parse import parse_qsl, urlsplit

# Parameters of a database URL that hold no secret.
HARMLESS = frozenset(
    [
        "application_name",
        "database",
        "dbname",
        "host",
        "port",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
        "user",
    ]
)

HIDDEN = "********"
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(:\d*)?")


def is_read_as_meant(url: str) -> bool:
    """Whether no sign in it can have another meaning than it was meant to have.

    A host, a port or an error message would be made of the password otherwise.
    """
    try:
        parts = urlsplit(url)
        parse_qsl(parts.query, strict_parsing=bool(parts.query))
    except ValueError:
        return False
    person, _, hosts = parts.netloc.rpartition("@")
    return (
        not parts.fragment
        and "@" not in person
        and all(_HOST.fullmatch(host) for host in hosts.split(","))
    )


def without_passwords(url: str) -> str:
    """The URL with `********` for the password, and for each parameter that is not known to hold no secret."""
    if not is_read_as_meant(url):
        return HIDDEN
    address, mark, parameters = url.partition("?")
    address = re.sub(r"(?<=://)([^:@/]*:)[^@/]*(?=@)", rf"\1{HIDDEN}", address)
    return address + mark + re.sub(r"([^=&]*)=[^&]*", _masked_parameter, parameters)


def _masked_parameter(given: re.Match[str]) -> str:
    return given[0] if given[1] in HARMLESS else f"{given[1]}={HIDDEN}"
