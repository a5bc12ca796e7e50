"""Signatures, as Standard Webhooks 1.0 has them and its own package checks them."""

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from referral.domain.webhooks.signing import shown_secret, signatures

# From the tests of the package.
SECRET = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
VECTOR = {
    "message": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "timestamp": 1614265330,
    "body": b'{"test": 2432232314}',
}


def test_a_signature_is_that_of_the_standard():
    assert signatures([SECRET], **VECTOR) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_is_written_as_the_standard_has_it():
    assert shown_secret(SECRET) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def headers(*secrets, body=b'{"type":"code.issued"}', message="msg_1"):
    now = int(datetime.now(UTC).timestamp())
    return {
        "webhook-id": message,
        "webhook-timestamp": str(now),
        "webhook-signature": signatures(secrets, message=message, timestamp=now, body=body),
    }


def test_who_knows_either_secret_finds_its_signature():
    old, new = b"o" * 32, b"n" * 32

    for known in (old, new):
        checked = Webhook(shown_secret(known)).verify('{"type":"code.issued"}', headers(new, old))
        assert checked == {"type": "code.issued"}
    with pytest.raises(WebhookVerificationError):
        Webhook(shown_secret(b"x" * 32)).verify('{"type":"code.issued"}', headers(new, old))


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp"])
def test_what_was_changed_on_the_way_is_noticed(changed):
    sent = headers(SECRET, message="1")
    changes = {changed: str(int(sent[changed]) + 60)}

    with pytest.raises(WebhookVerificationError):
        Webhook(shown_secret(SECRET)).verify('{"type":"code.issued"}', {**sent, **changes})
    with pytest.raises(WebhookVerificationError):
        Webhook(shown_secret(SECRET)).verify('{"type":"code.retired"}', sent)
