"""Which secrets are fit to sign with."""

from collections.abc import Sequence

SECRET_MIN_BYTES = 32
# Different ones; 32 random hexadecimal digits have fewer once in a million.
SECRET_MIN_CHARACTERS = 10
# What others' documentation signs its examples with, and what is copied from there.
SAMPLE_SECRETS = {
    "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",  # FastAPI's tutorial
    "a-string-secret-at-least-256-bits-long",  # jwt.io
}


def weakness(secrets: Sequence[str]) -> str | None:
    """What is wrong with these secrets, without repeating them; None when they are fit to sign with."""
    if any(len(secret.encode()) < SECRET_MIN_BYTES for secret in secrets) or not secrets:
        return f"Expected at least {SECRET_MIN_BYTES} bytes"
    if any(len(set(secret)) < SECRET_MIN_CHARACTERS for secret in secrets):
        return f"Expected at least {SECRET_MIN_CHARACTERS} different characters, chosen at random"
    if not SAMPLE_SECRETS.isdisjoint(secrets):
        return "Expected a secret of your own, not the example in somebody's documentation"
    return None
