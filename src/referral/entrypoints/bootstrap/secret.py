"""The secret that signs access tokens, where none is set."""

import os
import secrets
from pathlib import Path

import msgspec

from referral.entrypoints.bootstrap.secret_strength import SECRET_MIN_BYTES, weakness
from referral.entrypoints.bootstrap.settings import Settings, SettingsError


def with_secret(settings: Settings) -> Settings:
    """The settings with a secret: as given, or from the file, or kept in the data directory, made at first need.

    Processes that start together agree on one. Raises SettingsError when it cannot be read or kept, or is no secret.
    """
    if settings.secret:
        return settings
    if settings.secret_file:
        return _with_secrets_of(settings.secret_file, settings)
    path = settings.data_dir / "secret"
    try:
        if not path.exists():
            _keep_new_secret(path)
        secret = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"REFERRAL_DATA_DIR: cannot keep the secret in {path}: {error}"
        ) from error
    if len(secret) < SECRET_MIN_BYTES:
        raise SettingsError(f"REFERRAL_DATA_DIR: {path} is damaged; remove it to get a new secret")
    return msgspec.structs.replace(settings, secret=secret)


def _with_secrets_of(file: Path, settings: Settings) -> Settings:
    try:
        settings = msgspec.structs.replace(settings, secret=file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"REFERRAL_SECRET_FILE: {file} cannot be read: {error}") from error
    if complaint := weakness(settings.secrets):
        raise SettingsError(f"REFERRAL_SECRET_FILE: {file}: {complaint}")
    return settings


def _keep_new_secret(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"secret.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # fails where another process was first, whose secret then holds
    except FileExistsError:
        pass
    finally:
        draft.unlink()
