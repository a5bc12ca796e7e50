"""Where milestones are not what terms and qualified referrals make of them: no rows, as long as nothing is wrong."""

from sqlalchemy import (
    BigInteger,
    Integer,
    Text,
    and_,
    cast,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.programs.tables import program_terms, referrals
from referral.adapters.postgres.rewards.refusals import IS_REFUSAL
from referral.adapters.postgres.rewards.sums import COUNTS, told, words
from referral.adapters.postgres.rewards.tables import decisions, rewards
from referral.domain.programs.referral import ReferralStatus
from referral.domain.rewards.reward import RewardStatus

_is_qualified = referrals.c.status == ReferralStatus.QUALIFIED.value

_reached = (
    select(
        rewards.c.beneficiary_id,
        rewards.c.program_id,
        rewards.c.rule,
        rewards.c.milestone,
        func.sum(rewards.c.amount).label("given"),
        func.max(rewards.c.amount).label("most"),
    )
    .where(rewards.c.milestone.is_not(None), COUNTS)
    .group_by(rewards.c.beneficiary_id, rewards.c.program_id, rewards.c.rule, rewards.c.milestone)
    .subquery("reached")
)
_qualified = (
    select(literal_column("1"))
    .where(
        referrals.c.referrer_id == _reached.c.beneficiary_id,
        referrals.c.program_id == _reached.c.program_id,
        _is_qualified,
    )
    .limit(_reached.c.milestone)
    .correlate(_reached)
    .subquery("qualified")
)
_is_reached = select(func.count()).select_from(_qualified).scalar_subquery() >= _reached.c.milestone
_deserved = _reached.c.most * cast(_is_reached, Integer)
# One that was given and taken back is looked at below.
_wrong = select(
    *told(
        words("What the milestone ", _reached.c.rule, " gave to ", _reached.c.beneficiary_id),
        _reached.c.given,
        _deserved,
    )
).where(_reached.c.given != 0, _reached.c.given != _deserved)

_rule = func.jsonb_path_query(
    program_terms.c.terms,
    literal_column("'$.rewards[*] ? (@.at_qualified != null)'::jsonpath"),
    type_=JSONB,
).column_valued("rule")
_name, _at = _rule["rule"].astext, cast(_rule["at_qualified"].astext, Integer)
_offered = (
    select(
        program_terms.c.program_id,
        _name.label("rule"),
        _at.label("milestone"),
        func.array_agg(program_terms.c.version).label("versions"),
        func.string_agg(_rule["amount"].astext.distinct(), literal(" or ", Text)).label("amounts"),
    )
    .group_by(program_terms.c.program_id, _name, _at)
    .cte("offered")
)
_brought = (
    select(referrals.c.referrer_id, referrals.c.program_id, func.count().label("qualified"))
    .where(_is_qualified, referrals.c.program_id.in_(select(_offered.c.program_id)))
    .group_by(referrals.c.referrer_id, referrals.c.program_id)
    .subquery("brought")
)
_of_it = and_(
    rewards.c.beneficiary_id == _brought.c.referrer_id,
    rewards.c.program_id == _brought.c.program_id,
    rewards.c.rule == _offered.c.rule,
    rewards.c.milestone == _offered.c.milestone,
)
_given = (
    select(func.coalesce(func.sum(rewards.c.amount), 0)).where(_of_it, COUNTS).scalar_subquery()
)
_rejected = (
    select(literal_column("1"))
    .where(_of_it, rewards.c.status == RewardStatus.REJECTED.value)
    .exists()
)
_theirs = and_(
    referrals.c.referrer_id == _brought.c.referrer_id,
    referrals.c.program_id == _brought.c.program_id,
)
_refused = (
    select(literal_column("1"))
    .join_from(referrals, decisions, decisions.c.referral_id == referrals.c.referee_id)
    .where(_theirs, decisions.c.rule == _offered.c.rule, IS_REFUSAL)
    .exists()
)
# Where not all of a referrer's referrals were made under such terms, another may have passed the number.
_passed_by = (
    select(literal_column("1"))
    .where(_theirs, referrals.c.terms_version != func.all(_offered.c.versions))
    .exists()
)
_missing = (
    select(
        *told(
            words("What the milestone ", _offered.c.rule, " gave to ", _brought.c.referrer_id),
            literal(0, BigInteger),
            _offered.c.amounts,
        )
    )
    .join_from(
        _brought,
        _offered,
        and_(
            _offered.c.program_id == _brought.c.program_id,
            _offered.c.milestone <= _brought.c.qualified,
        ),
    )
    .where(_given == 0, not_(or_(_rejected, _refused, _passed_by)))
)

MILESTONES = [Statement(_wrong), Statement(_missing)]
