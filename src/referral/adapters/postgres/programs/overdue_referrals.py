"""Referrals that can qualify no more, a share of which nobody else has locked."""

from sqlalchemy import BigInteger, bindparam, literal_column, select, true, update

from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.programs.named_referrals import REFERRAL_NAMES
from referral.adapters.postgres.programs.tables import programs, referrals
from referral.domain.programs.program import ProgramStatus
from referral.domain.programs.referral import ReferralStatus

_overdue = (
    select(referrals.c.referee_id)
    .where(
        referrals.c.program_id == programs.c.id,
        referrals.c.status == literal_column(f"'{ReferralStatus.SIGNED_UP}'"),
        referrals.c.qualifies_until < bindparam("now", type_=INSTANT),
    )
    .order_by(referrals.c.qualifies_until)
    .limit(bindparam("most", type_=BigInteger))
    .with_for_update(key_share=True, skip_locked=True)
    .lateral("overdue")
)
# Program by program, for an index leads past those that have ended, however many of their referrals are overdue.
_share = (
    select(_overdue.c.referee_id)
    .select_from(programs.join(_overdue, true()))
    .where(programs.c.status != ProgramStatus.ENDED.value)
    .limit(bindparam("most", type_=BigInteger))
    .cte("share")
)
EXPIRE = Statement(
    update(referrals)
    .values(status=ReferralStatus.EXPIRED.value)
    .where(referrals.c.referee_id == _share.c.referee_id)
    .returning(*(referrals.c[name] for name in REFERRAL_NAMES))
)
