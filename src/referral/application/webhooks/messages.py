"""What endpoints are told, as the API would show it then; no name and no e-mail address is in it."""

from datetime import datetime

from referral.application.accounts.participant_reference import reference_to
from referral.application.programs.ports import NamedReferral, RetiredCode
from referral.application.rewards.ports import NamedReward
from referral.domain.accounts.user import Participant
from referral.domain.programs.referral import ReferralStatus
from referral.domain.programs.referral_code import ReferralCode
from referral.domain.texts import written
from referral.domain.webhooks.message import Message, MessageType


def participant_created(participant: Participant) -> Message:
    external_id, locale = participant.external_id, participant.locale
    data = {
        "id": str(participant.id),
        "external_id": external_id and external_id.value,
        "locale": locale and locale.value,
        "created_at": written(participant.created_at),
        "referrer_id": participant.referrer_id and str(participant.referrer_id),
    }
    return Message(MessageType.PARTICIPANT_CREATED, data, participant.created_at)


def participant_erased(participant: Participant, at: datetime) -> Message:
    external_id = participant.external_id
    data = {
        "id": str(participant.id),
        "external_id": external_id and external_id.value,
        "erased_at": written(at),
    }
    return Message(MessageType.PARTICIPANT_ERASED, data, at)


def code_issued(owner: Participant, code: ReferralCode) -> Message:
    data = {
        "id": code.id,
        "owner": reference_to(owner.id, owner.external_id),
        "program": code.program.slug.value,
        "code": code.text.value,
        "expires_at": written(code.expires_at),
        "max_uses": code.max_uses,
    }
    return Message(MessageType.CODE_ISSUED, data, code.issued_at)


def code_retired(owner: Participant, code: RetiredCode, at: datetime) -> Message:
    data = {
        "id": code.id,
        "owner": reference_to(owner.id, owner.external_id),
        "program": code.program.value,
        "code": code.text.value,
    }
    return Message(MessageType.CODE_RETIRED, data, at)


def referral_created(named: NamedReferral) -> list[Message]:
    """What there is to tell of a new referral: that it is there, and that it is held, qualified or rejected at once."""
    referral, at = named.referral, named.referral.created_at
    told = [Message(MessageType.REFERRAL_CREATED, _referral(named), at)]
    if referral.is_held:
        told.append(Message(MessageType.REFERRAL_HELD, _referral(named), at))
    if referral.status is not ReferralStatus.SIGNED_UP:
        told.append(referral_became(named, at))
    return told


def referral_became(named: NamedReferral, at: datetime) -> Message:
    """That a referral has reached its status: qualified, rejected or expired."""
    return Message(MessageType(f"referral.{named.referral.status}"), _referral(named), at)


def referral_released(named: NamedReferral, at: datetime) -> Message:
    """That a referral is not held any more."""
    return Message(MessageType.REFERRAL_RELEASED, _referral(named), at)


def reward_became(named: NamedReward, kind: MessageType, at: datetime) -> Message:
    """What has become of a reward."""
    reward = named.reward
    data = {
        "id": str(reward.id),
        "referral": str(reward.referral_id),
        "program": named.program.value,
        "terms_version": reward.terms_version,
        "rule": reward.rule,
        "to": reward.to.value,
        "participant": named.beneficiary,
        "amount": reward.amount,
        "unit": reward.unit,
        "status": reward.status.value,
        "created_at": written(reward.created_at),
        "due_at": written(reward.due_at),
        "recovers": reward.recovers and str(reward.recovers),
        "payout": reward.payout_id and str(reward.payout_id),
    }
    return Message(kind, data, at)


def _referral(named: NamedReferral) -> dict[str, object]:
    referral = named.referral
    return {
        "id": str(referral.referee_id),
        "program": named.program.value,
        "terms_version": referral.terms_version,
        "referrer": named.referrer,
        "referee": named.referee,
        "code": named.code.value,
        "status": referral.status.value,
        "held": referral.is_held,
        "held_reasons": [*referral.held_reasons],
        "created_at": written(referral.created_at),
        "qualified_at": referral.qualified_at and written(referral.qualified_at),
    }
