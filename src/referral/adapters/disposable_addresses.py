from disposable_email_domains import blocklist

from referral.domain.accounts.user import EmailAddress


class ListedDisposableAddresses:
    """Addresses at the domains that the package disposable-email-domains lists, and at those below them."""

    def __contains__(self, address: EmailAddress) -> bool:
        labels = address.value.rpartition("@")[2].lower().split(".")
        return any(".".join(labels[n:]) in blocklist for n in range(len(labels)))
