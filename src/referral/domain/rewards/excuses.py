"""Why a reward may be missing: a cap, a budget or an erased account refused it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from referral.domain.accounts.user import UserId
from referral.domain.rewards.decision import Reason
from referral.domain.rewards.event import EventNumber
from referral.domain.rewards.proof import Difference

_SIGN_UP = EventNumber(0)


class Turn(NamedTuple):
    """That an event, or the sign-up, qualified a referral, or that a rule was kept from rewarding it then."""

    referral_id: UserId
    rule: str
    reason: Reason
    event: EventNumber | None


def unexplained(found: Iterable[Difference], turns: Iterable[Turn]) -> Sequence[Difference]:
    """The differences without those where nothing was given because that was refused.

    Whenever a referral qualifies, all that it is worth is claimed, whatever was refused before; the share of a later
    event is claimed at that event.
    """
    qualified: dict[UserId, EventNumber] = defaultdict(lambda: _SIGN_UP)
    refused: dict[tuple[UserId, str], set[EventNumber]] = defaultdict(set)
    for turn in turns:
        event = turn.event or _SIGN_UP
        if turn.reason == Reason.QUALIFIED:
            qualified[turn.referral_id] = max(event, qualified[turn.referral_id])
        else:
            refused[turn.referral_id, turn.rule].add(event)

    def is_refused(difference: Difference) -> bool:
        if difference.referral_id is None or difference.missing is None:
            return False
        rule, shared = difference.missing
        claimed_at = max(shared or _SIGN_UP, qualified[difference.referral_id])
        return claimed_at in refused[difference.referral_id, rule]

    return [difference for difference in found if not is_refused(difference)]
