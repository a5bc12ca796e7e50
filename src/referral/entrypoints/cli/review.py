from uuid import UUID

import click

from referral.application.programs.ports import NamedReferral
from referral.application.rewards.decide_review import ReviewVerdict
from referral.application.rewards.reviews import NamedReview
from referral.application.use_cases import UseCases
from referral.domain.rewards.explanation import sentence
from referral.domain.rewards.review import ReviewStatus
from referral.entrypoints.cli.commands import Shown, every, limited, runs_use_cases

_referral = click.argument("referral_id", metavar="ID", type=click.UUID)
_why = click.option("--reason", required=True, help="Why, for those who ask later.")


@click.group()
def review() -> None:
    """Referrals that are held until someone decides."""


@review.command("list")
@click.option(
    "--status",
    type=click.Choice([status.value for status in ReviewStatus]),
    default=ReviewStatus.OPEN.value,
    show_default=True,
    help="In this status.",
)
@limited
@runs_use_cases
async def list_reviews(use: UseCases, status: str, limit: int) -> list[Shown]:
    """List the referrals that are held, newest first; or those decided about, the last decided first."""
    found = every(use.rewards.find_reviews, most=limit, status=status)
    return [_with_decision(review) async for review in found]


@review.command()
@_referral
@_why
@runs_use_cases
async def release(use: UseCases, referral_id: UUID, reason: str) -> Shown:
    """Let a referral that is held go on; its held rewards wait for their time."""
    return await _decided(use, referral_id, ReviewVerdict.RELEASE, reason)


@review.command()
@_referral
@_why
@runs_use_cases
async def reject(use: UseCases, referral_id: UUID, reason: str) -> Shown:
    """Refuse a referral that is held: it gets nothing, and what was paid is to be recovered."""
    return await _decided(use, referral_id, ReviewVerdict.REJECT, reason)


async def _decided(use: UseCases, referral_id: UUID, verdict: ReviewVerdict, reason: str) -> Shown:
    return _shown(
        await use.rewards.decide_review(referral_id=referral_id, verdict=verdict, reason=reason)
    )


def _with_decision(review: NamedReview) -> Shown:
    return {
        **_shown(review.named),
        "doubts": [doubt.reason for doubt in review.doubts],
        "sentences": [*map(sentence, review.doubts)],
        "decided_at": review.decided_at,
        "decided_by": review.decided_by,
        "reason": review.reason,
    }


def _shown(named: NamedReferral) -> Shown:
    return {
        "id": named.referral.referee_id,
        "program": named.program.value,
        "referrer": named.referrer,
        "referee": named.referee,
        "status": named.referral.status.value,
        "held_reasons": [*named.referral.held_reasons],
        "created_at": named.referral.created_at,
    }
