import pytest

from referral.domain.accounts.mailbox import mailbox
from referral.domain.accounts.user import EmailAddress


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann.lee@gmail.com", "AnnLee+shop@googlemail.com"),
        ("ann@GMAIL.com", "a.n.n@gmail.com"),
        *(
            (f"ann@{domain}", f"ann+shop+more@{domain}")
            for domain in (
                *("outlook.com", "hotmail.com", "live.com", "icloud.com", "me.com", "mac.com"),
                *("fastmail.com", "fastmail.fm", "proton.me", "protonmail.com", "pm.me"),
            )
        ),
        *(("ann@icloud.com", f"ann@{domain}") for domain in ("me.com", "mac.com")),
        *(("ann@proton.me", f"ann@{domain}") for domain in ("protonmail.com", "pm.me")),
        ("Ann@Example.org", "ann@example.ORG"),
    ],
)
def test_two_spellings_of_one_mailbox_are_known(one, other):
    assert mailbox(EmailAddress(one)) == mailbox(EmailAddress(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann@example.org", "ann+shop@example.org"),
        ("ann.lee@example.org", "annlee@example.org"),
        ("ann.lee@outlook.com", "annlee@outlook.com"),
        ("ann@outlook.com", "ann@hotmail.com"),
        ("ann@gmail.com", "bob@gmail.com"),
        ("ann@gmail.com", "ann@proton.me"),
    ],
)
def test_two_mailboxes_are_kept_apart(one, other):
    assert mailbox(EmailAddress(one)) != mailbox(EmailAddress(other))


def test_a_mailbox_is_written_as_an_address():
    assert mailbox(EmailAddress("A.nn+x@googlemail.com")) == "ann@gmail.com"
