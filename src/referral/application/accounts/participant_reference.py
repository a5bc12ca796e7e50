from uuid import UUID

from referral.domain.accounts.errors import ParticipantNotFound
from referral.domain.accounts.external_id import BY_ID, ExternalId
from referral.domain.accounts.user import UserId
from referral.domain.errors import InvalidInput

ParticipantReference = ExternalId | UserId


def participant_reference(raw: str) -> ParticipantReference:
    """Whom a server means: by its own id for them, or by `user:` and ours. Raises ParticipantNotFound for neither."""
    try:
        if raw.startswith(BY_ID):
            return UserId(UUID(raw.removeprefix(BY_ID)))
        return ExternalId.parse(raw)
    except (InvalidInput, ValueError):
        raise ParticipantNotFound from None


def reference_to(user_id: UserId, external_id: ExternalId | None) -> str:
    """What a server calls someone by, which `participant_reference` reads: its own id for them, if it gave one."""
    return external_id.value if external_id else f"{BY_ID}{user_id}"
