import hmac
import ipaddress
from collections.abc import Sequence
from functools import cached_property

from referral.domain.accounts.sighting import NetworkName


class HashedNetworks:
    """Names networks by their HMAC-SHA256, with keys derived from the service's secrets for this alone.

    By the first secret from now on, and by the others as long as they are there.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets

    @cached_property  # what names no network needs no secret
    def _keys(self) -> Sequence[bytes]:
        return [hmac.digest(secret.encode(), b"networks", "sha256") for secret in self._secrets]

    def names_of(self, client_address: str | None) -> Sequence[NetworkName]:
        try:
            address = ipaddress.ip_interface(client_address or "").ip
        except ValueError:
            return ()
        length = 24 if isinstance(address, ipaddress.IPv4Address) else 64
        network = ipaddress.ip_network((address, length), strict=False)
        return [
            NetworkName(hmac.digest(key, str(network).encode(), "sha256")) for key in self._keys
        ]
