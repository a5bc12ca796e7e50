"""Signatures, as Standard Webhooks 1.0 has them and its own package checks them."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from referral.domain.errors import InvalidInput
from referral.domain.webhooks.signing import refusal_of, secret_from, shown_secret, signatures

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


@pytest.mark.parametrize("length", [24, 32, 64])
def test_a_secret_is_read_as_it_is_written(length):
    assert secret_from(shown_secret(b"s" * length)) == b"s" * length


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        shown_secret(b"s" * 23),
        shown_secret(b"s" * 65),
        shown_secret(SECRET)[6:],
        "whsec_é!",
    ],
)
def test_what_is_no_secret_is_refused_and_not_repeated(text):
    with pytest.raises(InvalidInput, match=r"^A secret is whsec_ and 24 to 64 bytes in Base64\.$"):
        secret_from(text)


SENT_AT = datetime.fromtimestamp(VECTOR["timestamp"], UTC)
SIGNED = {
    "message": VECTOR["message"],
    "timestamp": str(VECTOR["timestamp"]),
    "signature": "v1,else v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    "body": VECTOR["body"],
}


def test_a_message_is_believed_for_five_minutes_when_one_of_its_signatures_is_right():
    for seconds in (-300, 0, 300):
        assert refusal_of(SECRET, **SIGNED, now=SENT_AT + timedelta(seconds=seconds)) is None
    for seconds in (-301, 301):
        why = refusal_of(SECRET, **SIGNED, now=SENT_AT + timedelta(seconds=seconds))
        assert why == "The timestamp is more than five minutes off."


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"message": ""}, "It needs the headers"),
        ({"timestamp": ""}, "It needs the headers"),
        ({"signature": ""}, "It needs the headers"),
        ({"message": "\udce9"}, "It needs the headers"),
        ({"signature": "v1,é"}, "It needs the headers"),
        ({"timestamp": "soon"}, "The timestamp is no number"),
        ({"timestamp": "-1614265330"}, "The timestamp is no number"),
        ({"timestamp": "9" * 13}, "The timestamp is no number"),
        ({"timestamp": "1614265331"}, "The secret has not signed it"),
        ({"message": "msg_other"}, "The secret has not signed it"),
        ({"body": b"{}"}, "The secret has not signed it"),
        ({"signature": "v1,else"}, "The secret has not signed it"),
    ],
)
def test_why_a_message_is_not_believed_is_said(changes, why):
    assert refusal_of(SECRET, **{**SIGNED, **changes}, now=SENT_AT).startswith(why)
