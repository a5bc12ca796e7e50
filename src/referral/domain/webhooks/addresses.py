"""Which addresses of the internet a webhook may be sent to."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

_SPECIAL = tuple(
    map(
        ip_network,
        (
            # IANA's IPv4 Special-Purpose Address Registry (RFC 6890), multicast, and what is kept for later
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
            *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16"),
            *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
            "168.63.129.16/32",  # Azure's metadata, at an address that looks public
            # of IPv6: protocol assignments with Teredo among them, documentation, and 6to4
            *("2001::/23", "2001:db8::/32", "3fff::/20", "2002::/16"),
        ),
    )
)
# All that is global unicast; what stands for an IPv4 address (::ffff:0:0/96, 64:ff9b::/96) is not.
_GLOBAL = IPv6Network("2000::/3")


def is_public(address: str) -> bool:
    """Whether it is anybody's on the internet: not this machine, its network, or what stands for such an address."""
    parsed = parsed_address(address)
    if parsed is None or (isinstance(parsed, IPv6Address) and parsed not in _GLOBAL):
        return False
    return not any(parsed in network for network in _SPECIAL)


def parsed_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address that a text writes, in brackets or without; None for a name."""
    try:
        return ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
