"""What a token has to be to be believed; the rows of hostile ones are forged with the right secret."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from jwt.algorithms import HMACAlgorithm

from examples import NOW, an_id
from fakes import FakeAccessTokens
from referral.adapters.credentials.jwt_tokens import JwtAccessTokens, key_id
from referral.application.access.ports import AccessClaims
from referral.domain.access.errors import InvalidAccessToken

SECRET = "0123456789abcdef0123456789abcdef"
TTL = timedelta(minutes=15)
CLAIMS = AccessClaims(an_id(1), 7)
ISSUED_AT = int(NOW.timestamp())

HEADER = {"alg": "HS256", "typ": "at+jwt", "kid": key_id(SECRET)}
PAYLOAD = {
    "iss": "referral",
    "aud": "referral",
    "sub": str(CLAIMS.user_id),
    "iat": ISSUED_AT,
    "exp": ISSUED_AT + 900,
    "jti": "c0ffee",
    "ver": CLAIMS.credentials_version,
}


@pytest.fixture(params=["fake", "pyjwt"])
def access_tokens(request):
    return FakeAccessTokens(TTL) if request.param == "fake" else JwtAccessTokens([SECRET], TTL)


@dataclass
class Raw:
    """JSON as it stands."""

    json: str


def in_base64(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def forged(header=HEADER, payload=PAYLOAD, *, secret=SECRET, digest=hashlib.sha256):
    """A token of this header and payload, signed."""
    parts = (p.json if isinstance(p, Raw) else json.dumps(p) for p in (header, payload))
    signed = ".".join(in_base64(part.encode()) for part in parts)
    signature = hmac.new(secret.encode(), signed.encode(), digest).digest()
    return f"{signed}.{in_base64(signature)}"


def with_header(**more):
    return forged(HEADER | more)


def with_claims(**more):
    return forged(payload=PAYLOAD | more)


def without(claim):
    return forged(payload={name: PAYLOAD[name] for name in PAYLOAD if name != claim})


def as_json(**raw):
    """The payload with these values as they stand, which JSON's writer would not write."""
    rest = json.dumps({name: PAYLOAD[name] for name in PAYLOAD if name not in raw})
    return Raw(rest[:-1] + "".join(f', "{name}": {value}' for name, value in raw.items()) + "}")


def test_a_token_says_what_it_was_issued_for(access_tokens):
    token = access_tokens.issue(CLAIMS, NOW)

    assert access_tokens.read(token, NOW) == CLAIMS


def test_tokens_are_told_apart(access_tokens):
    other = AccessClaims(an_id(2), 1)

    tokens = [access_tokens.issue(claims, NOW) for claims in (CLAIMS, CLAIMS, other)]

    assert len(set(tokens)) == 3
    assert access_tokens.read(tokens[2], NOW) == other


def test_a_token_is_good_for_as_long_as_it_says(access_tokens):
    token = access_tokens.issue(CLAIMS, NOW)

    assert access_tokens.ttl == TTL
    assert access_tokens.read(token, NOW + TTL - timedelta(microseconds=1)) == CLAIMS
    for late in (NOW + TTL, NOW + TTL + timedelta(seconds=1), NOW + timedelta(days=3650)):
        with pytest.raises(InvalidAccessToken):
            access_tokens.read(token, late)


def test_f24_a_token_from_a_clock_that_is_half_a_minute_ahead_is_good(access_tokens):
    token = access_tokens.issue(CLAIMS, NOW)

    assert access_tokens.read(token, NOW - timedelta(seconds=30)) == CLAIMS
    with pytest.raises(InvalidAccessToken):
        access_tokens.read(token, NOW - timedelta(seconds=31))


def test_b19_a_token_of_another_service_is_refused(access_tokens):
    others = (
        FakeAccessTokens(TTL),
        JwtAccessTokens([SECRET[::-1]], TTL),
        JwtAccessTokens([SECRET], TTL, issuer="referral-test"),
        JwtAccessTokens([SECRET], TTL, audience="referral-test"),
    )

    for other in others:
        with pytest.raises(InvalidAccessToken):
            access_tokens.read(other.issue(CLAIMS, NOW), NOW)


def test_a_longer_lifetime_than_todays_is_refused(access_tokens):
    token = JwtAccessTokens([SECRET], TTL + timedelta(seconds=1)).issue(CLAIMS, NOW)

    with pytest.raises(InvalidAccessToken):
        access_tokens.read(token, NOW)


def test_what_is_forged_here_would_be_good_if_nothing_were_wrong_with_it():
    assert JwtAccessTokens([SECRET], TTL).read(forged(), NOW) == CLAIMS


def ensure_refused(access_tokens, token):
    with pytest.raises(InvalidAccessToken):
        access_tokens.read(token, NOW)


UNSIGNED = forged().rpartition(".")[0]


@pytest.mark.parametrize("alg", ["none", "NoNe", "", None, ["HS256"], {"HS256": 1}, 256, True])
def test_b01_no_algorithm_or_a_strange_one_is_refused(access_tokens, alg):
    ensure_refused(access_tokens, with_header(alg=alg))
    ensure_refused(access_tokens, with_header(alg=alg).rpartition(".")[0] + ".")


@pytest.mark.parametrize(
    ("alg", "digest"),
    [
        ("HS512", hashlib.sha512),
        ("HS384", hashlib.sha384),
        ("RS256", hashlib.sha256),
        ("ES256", hashlib.sha256),
    ],
)
def test_b02_another_algorithm_is_refused(access_tokens, alg, digest):
    ensure_refused(access_tokens, forged(HEADER | {"alg": alg}, digest=digest))


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "nonsense",
        UNSIGNED,
        UNSIGNED + ".",
        UNSIGNED + "." + in_base64(b"\0" * 32),
        forged(secret="another secret of the same sort."),
        forged(secret=""),
        forged() + ".",
        forged() + ".x",
        forged() + ".x.y",
        forged()[:-2],
        forged() + "==",
        " " + forged(),
        forged() + "\n",
        forged().replace(".", " . "),
        forged().partition(".")[2],
        forged() + "\0",
        "é" * 20,
        "\ud800",
        "Bearer " + forged(),
    ],
)
def test_b03_what_is_not_three_parts_rightly_signed_is_refused(access_tokens, token):
    ensure_refused(access_tokens, token)


def test_b03_a_payload_under_another_ones_signature_is_refused(access_tokens):
    header, _, signature = forged().split(".")
    _, payload, _ = with_claims(sub=str(an_id(2))).split(".")

    ensure_refused(access_tokens, f"{header}.{payload}.{signature}")


@pytest.mark.parametrize(
    "times",
    [
        {"exp": ISSUED_AT},
        {"exp": ISSUED_AT - 1},
        {"iat": ISSUED_AT + 31, "exp": ISSUED_AT + 900},
        {"iat": ISSUED_AT - 900, "exp": ISSUED_AT},
        {"nbf": ISSUED_AT + 31},
    ],
)
def test_b04_a_token_out_of_its_time_is_refused(access_tokens, times):
    ensure_refused(access_tokens, with_claims(**times))


@pytest.mark.parametrize("claim", PAYLOAD)
def test_b05_a_token_that_lacks_a_claim_is_refused(access_tokens, claim):
    ensure_refused(access_tokens, without(claim))
    ensure_refused(access_tokens, with_claims(**{claim: None}))


@pytest.mark.parametrize("iss", ["", "referra", "referral.example", "Referral", ["referral"], 1])
def test_b06_another_issuer_is_refused(access_tokens, iss):
    ensure_refused(access_tokens, with_claims(iss=iss))


@pytest.mark.parametrize("aud", ["", "other", ["referral"], ["other", "referral"], [], {}, 1])
def test_b07_another_audience_or_several_are_refused(access_tokens, aud):
    ensure_refused(access_tokens, with_claims(aud=aud))


@pytest.mark.parametrize("typ", ["JWT", "", "AT+JWT", "application/at+jwt", "rt+jwt", None, 1])
def test_b08_another_type_is_refused(access_tokens, typ):
    ensure_refused(access_tokens, with_header(typ=typ))
    ensure_refused(access_tokens, forged({"alg": "HS256"}))


@pytest.mark.parametrize(
    "more", [{"crit": ["exp"]}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": False}]
)
def test_b09_an_extension_is_refused(access_tokens, more):
    ensure_refused(access_tokens, with_header(**more))


@pytest.mark.parametrize(
    "more",
    [
        {"kid": "../../dev/null"},
        {"kid": "' OR 1=1 --"},
        {"kid": "1"},
        {"kid": None},
        {"kid": [key_id(SECRET)]},
        {"kid": key_id(SECRET).lower()},
        {"jku": "https://example.org/keys"},
        {"x5u": "https://example.org/cert"},
        {"jwk": {"kty": "oct", "k": in_base64(SECRET.encode())}},
    ],
)
def test_b10_a_key_of_the_callers_choice_is_refused(access_tokens, more):
    ensure_refused(access_tokens, with_header(**more))


@pytest.mark.parametrize(
    "times",
    [
        {"exp": "NaN"},
        {"exp": "Infinity"},
        {"exp": "1e400"},
        {"exp": "1" + "0" * 400},
        {"exp": f"{ISSUED_AT + 900}.0"},
        {"exp": f'"{ISSUED_AT + 900}"'},
        {"exp": "true"},
        {"exp": str(ISSUED_AT + 901)},
        {"exp": "9" * 3000},
        {"iat": "NaN"},
        {"iat": "-Infinity"},
        {"iat": f"{ISSUED_AT}.0"},
        {"iat": "-1" + "0" * 400},
        {"iat": "-1" + "0" * 400, "exp": "1" + "0" * 400},
    ],
)
def test_b11_a_lifetime_that_was_never_given_is_refused(access_tokens, times):
    ensure_refused(access_tokens, forged(payload=as_json(**times)))


@pytest.mark.parametrize(
    "nested", ["[" * 100_000, "[" * 1400, "[" * 1400 + "]" * 1400, '{"a":' * 280]
)
def test_b12_a_deeply_nested_token_is_refused(access_tokens, nested):
    ensure_refused(access_tokens, forged(Raw(nested)))
    ensure_refused(access_tokens, forged(payload=Raw(nested)))
    ensure_refused(access_tokens, forged(payload=as_json(jti=nested)))


@pytest.mark.parametrize("length", [4_000, 100_000, 1_000_000])
def test_b13_an_oversized_token_is_refused(access_tokens, length):
    ensure_refused(access_tokens, "x" * length)
    ensure_refused(access_tokens, with_claims(jti="x" * length))
    ensure_refused(access_tokens, with_header(padding="x" * length))


def test_b13_an_oversized_token_is_refused_before_its_signature_is_looked_at(monkeypatch):
    def verify(*_):
        raise AssertionError("a token of any size is verified")

    access_tokens = JwtAccessTokens([SECRET], TTL)
    for length in (4_000, 100_000, 1_000_000):
        token = with_claims(jti="x" * length)
        monkeypatch.setattr(HMACAlgorithm, "verify", verify)
        ensure_refused(access_tokens, token)
        monkeypatch.undo()


@pytest.mark.parametrize("sub", [1, ["x"], "", "me", {"id": 1}, str(CLAIMS.user_id) + "\0"])
def test_b14_a_subject_that_is_no_id_is_refused(access_tokens, sub):
    ensure_refused(access_tokens, with_claims(sub=sub))


@pytest.mark.parametrize(
    "spelled", [lambda sub: sub.replace("-", ""), "urn:uuid:{}".format, "{{{}}}".format]
)
def test_b14_a_subject_in_another_spelling_is_refused(access_tokens, spelled):
    ensure_refused(access_tokens, with_claims(sub=spelled(PAYLOAD["sub"])))


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        (HEADER, as_json(ver=f'{PAYLOAD["ver"]}, "ver": {PAYLOAD["ver"]}')),
        (HEADER, as_json(sub=f'"{an_id(2)}", "\\u0073ub": "{PAYLOAD["sub"]}"')),
        (Raw('{"alg": "none", ' + json.dumps(HEADER)[1:]), PAYLOAD),
    ],
)
def test_b14_a_name_that_comes_twice_is_refused(access_tokens, header, payload):
    ensure_refused(access_tokens, forged(header, payload))


@pytest.mark.parametrize("ver", ["7", 7.0, True, [7], {}])
def test_b14_a_version_that_is_no_number_is_refused(access_tokens, ver):
    ensure_refused(access_tokens, with_claims(ver=ver))


@pytest.mark.parametrize("payload", ["", "[]", "null", '"referral"', "1", "{", "\ufeff{}"])
def test_a_payload_that_is_no_object_is_refused(access_tokens, payload):
    ensure_refused(access_tokens, forged(payload=Raw(payload)))


OLD, NEW = "an old secret of thirty-two bytes", "a new secret of thirty-two bytes."


def test_b18_while_secrets_change_tokens_of_both_are_good():
    before, between = JwtAccessTokens([OLD], TTL), JwtAccessTokens([NEW, OLD], TTL)

    assert between.read(before.issue(CLAIMS, NOW), NOW) == CLAIMS
    assert between.read(between.issue(CLAIMS, NOW), NOW) == CLAIMS


def test_b18_the_first_secret_signs_and_the_old_one_is_refused_afterwards():
    between, after = JwtAccessTokens([NEW, OLD], TTL), JwtAccessTokens([NEW], TTL)

    assert after.read(between.issue(CLAIMS, NOW), NOW) == CLAIMS
    ensure_refused(after, JwtAccessTokens([OLD], TTL).issue(CLAIMS, NOW))


def test_b18_a_token_is_checked_with_the_secret_it_names_alone():
    between = JwtAccessTokens([NEW, OLD], TTL)

    ensure_refused(between, forged(HEADER | {"kid": key_id(NEW)}, secret=OLD))
    ensure_refused(between, forged(HEADER | {"kid": key_id(OLD)}, secret=NEW))
    assert between.read(forged(HEADER | {"kid": key_id(OLD)}, secret=OLD), NOW) == CLAIMS


def test_b18_the_name_of_a_secret_tells_nothing_of_it():
    assert key_id(OLD) != key_id(NEW)
    assert len(key_id(OLD)) == 12
    assert OLD[:4] not in key_id(OLD)


def test_the_secret_does_not_show_when_printed():
    assert SECRET not in repr(JwtAccessTokens([SECRET], TTL))


def test_a_jwt_carries_what_rfc_9068_asks_for():
    token = JwtAccessTokens([SECRET], TTL).issue(CLAIMS, NOW)

    header, payload = (
        json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]
    )

    assert header == HEADER
    assert payload | {"jti": "c0ffee"} == PAYLOAD
    assert UUID(payload["jti"])
