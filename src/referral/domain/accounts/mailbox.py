"""Which mailbox an e-mail address leads to: several spellings can lead to one."""

from referral.domain.accounts.user import EmailAddress

_ONE_PROVIDER = {
    "googlemail.com": "gmail.com",
    **dict.fromkeys(("me.com", "mac.com"), "icloud.com"),
    **dict.fromkeys(("protonmail.com", "pm.me"), "proton.me"),
}
_IGNORES_DOTS = frozenset({"gmail.com"})
_IGNORES_TAGS = frozenset(
    {
        *("gmail.com", "icloud.com", "proton.me", "fastmail.com", "fastmail.fm"),
        *("outlook.com", "hotmail.com", "live.com"),
    }
)


def mailbox(address: EmailAddress) -> str:
    """What all addresses of one mailbox have in common, as far as its provider's rules are known."""
    local, _, domain = address.key.rpartition("@")
    domain = _ONE_PROVIDER.get(domain, domain)
    if domain in _IGNORES_TAGS:
        local = local.partition("+")[0]
    if domain in _IGNORES_DOTS:
        local = local.replace(".", "")
    return f"{local}@{domain}"
