"""Sightings, which are written with what they come with, in one statement."""

from sqlalchemy import CTE, ColumnElement, Uuid, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from referral.adapters.postgres.accounts.tables import network_sightings
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.programs.tables import programs
from referral.domain.accounts.sighting import Sighting
from referral.domain.programs.program import ProgramStatus

_NAMES = ("network", "referrer_id", "seen_at")


def sighting_of(person_id: ColumnElement[object]) -> CTE:
    """Keeps the sighting of a person whom another part of the statement tells, if any terms in force ask for networks."""
    are_asked_for = (
        select(programs.c.id)
        .where(programs.c.judges_networks, programs.c.status != ProgramStatus.ENDED.value)
        .exists()
    )
    seen = insert(network_sightings).from_select(
        ["person_id", *_NAMES],
        select(
            person_id,
            bindparam("network", type_=network_sightings.c.network.type),
            bindparam("referrer_id", type_=Uuid),
            bindparam("seen_at", type_=INSTANT),
        ).where(are_asked_for),
    )
    return seen.on_conflict_do_update(
        constraint=network_sightings.primary_key,
        set_={name: seen.excluded[name] for name in ("referrer_id", "seen_at")},
    ).cte("seen")


def values_of(sighting: Sighting) -> dict[str, object]:
    return {
        "network": sighting.network,
        "referrer_id": sighting.referrer_id,
        "seen_at": sighting.at,
    }
