"""How fast a referrer brings people, and how many at one network: when the n-th newest of them came."""

from sqlalchemy import BigInteger, LargeBinary, Uuid, any_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from referral.adapters.postgres.accounts.tables import network_sightings, users
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.programs.tables import referrals

_referrer_id = bindparam("referrer_id", type_=Uuid)

NTH_NEWEST = Statement(
    select(referrals.c.created_at)
    .join_from(users, referrals, referrals.c.referrer_id == users.c.id)
    .where(
        users.c.id == _referrer_id,
        referrals.c.number == users.c.referrals_count + 1 - bindparam("n", type_=BigInteger),
    )
)

# While a secret is changed, someone may have been seen at one network under two names.
_seen_at = func.max(network_sightings.c.seen_at)
NTH_NEWEST_SEEN = Statement(
    select(_seen_at.label("seen_at"))
    .where(
        network_sightings.c.network == any_(bindparam("networks", type_=ARRAY(LargeBinary))),
        or_(
            network_sightings.c.referrer_id == _referrer_id,
            network_sightings.c.person_id == _referrer_id,
        ),
        network_sightings.c.person_id != bindparam("referee_id", type_=Uuid),
    )
    .group_by(network_sightings.c.person_id)
    .order_by(_seen_at.desc())
    .offset(bindparam("n", type_=BigInteger) - 1)
    .limit(1)
)
