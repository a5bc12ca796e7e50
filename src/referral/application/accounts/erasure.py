from datetime import datetime

from referral.application.transaction import Transaction
from referral.application.webhooks.messages import code_retired, participant_erased
from referral.domain.accounts.user import Participant


async def erase(tx: Transaction, participant: Participant, now: datetime) -> None:
    """Forget who a locked participant is: names, addresses, password, tokens and metadata; the codes are retired."""
    retired = await tx.codes.retire_all_of(participant.id, now)
    await tx.refresh_tokens.revoke_all_of(participant.id)
    await tx.events.forget_metadata(participant.id)
    await tx.users.erase(participant.erased(now))
    await tx.outbox.add(
        *(code_retired(participant, code, now) for code in retired),
        participant_erased(participant, now),
    )
