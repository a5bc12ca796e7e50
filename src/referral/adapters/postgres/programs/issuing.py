"""How a code is stored, and why it was not."""

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    Text,
    Uuid,
    bindparam,
    exists,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from referral.adapters.postgres.accounts.tables import users
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.programs.code_rows import CODE_COLUMNS
from referral.adapters.postgres.programs.tables import ENDS_AT, programs, referral_codes

# The owner's row is locked first, as everywhere: two inserts at once that exclude each other would otherwise
# wait for one another, and PostgreSQL takes a second to find such a deadlock.
_owner = (
    select(users.c.id)
    .where(users.c.id == bindparam("owner_id"), users.c.erased_at.is_(None))
    .with_for_update(key_share=True)
    .cte("owner")
)
_this_program = (programs.c.id == bindparam("program_id", type_=Integer)) & (
    programs.c.revision == bindparam("revision", type_=Uuid)
)
_program = select(programs.c.id).where(_this_program).cte("program")
_issued_at = bindparam("issued_at", type_=INSTANT)
_expires_at = bindparam("expires_at", type_=INSTANT)
# A process whose clock is ahead may have withdrawn the last code in this one's future, by a millisecond or an hour.
_withdrawn_at = (
    select(func.max(referral_codes.c.retired_at))
    .where(
        referral_codes.c.owner_id == _owner.c.id,
        referral_codes.c.program_id == _program.c.id,
        referral_codes.c.issued_at <= _issued_at,
        _issued_at < ENDS_AT,
        referral_codes.c.retired_at.is_not(None),
    )
    .scalar_subquery()
)
_not_before = func.greatest(_issued_at, _withdrawn_at)
_NO_CODE: ColumnElement[int] = literal_column("0::bigint")
ADD = Statement(
    insert(referral_codes)
    .from_select(
        ["owner_id", "program_id", "text", "issued_at", "expires_at", "max_uses"],
        select(
            _owner.c.id,
            _program.c.id,
            bindparam("text", type_=Text),
            _not_before,
            _expires_at,
            bindparam("max_uses", type_=Integer),
        ).where(
            _not_before < _expires_at,
            # It looks once the owner is locked, and so finds what was stored by those who had the lock before.
            ~func.has_code_beside(
                _owner.c.id, _program.c.id, _NO_CODE, _not_before, _expires_at, type_=Boolean
            ),
        ),
    )
    # What callers can provoke is no error in PostgreSQL's log, which would hold their values.
    .on_conflict_do_nothing()
    .returning(*CODE_COLUMNS)
)
WHY_NOT_ADDED = Statement(
    select(
        exists().where(referral_codes.c.text == bindparam("text")).label("text_is_taken"),
        exists().where(_this_program).label("program_is_known"),
    ).where(users.c.id == bindparam("owner_id"), users.c.erased_at.is_(None))
)
