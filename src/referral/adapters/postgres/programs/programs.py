from dataclasses import dataclass
from datetime import datetime

import asyncpg
from sqlalchemy import BigInteger, Integer, Text, bindparam, cast, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as insert_or_not

from referral.adapters.postgres.core.database import Queries
from referral.adapters.postgres.core.metadata import INSTANT
from referral.adapters.postgres.core.statement import Statement
from referral.adapters.postgres.programs.kept_terms import OF_TERMS, kept_from, of_terms, terms_json
from referral.adapters.postgres.programs.tables import program_terms, programs
from referral.application.pages import ListPage, ListRequest
from referral.domain.programs.errors import ProgramNotFound, SlugTaken, TermsNotFound
from referral.domain.programs.program import (
    NewProgram,
    Program,
    ProgramInForce,
    ProgramStatus,
    Slug,
)
from referral.domain.programs.terms import KeptTerms, Terms, TermsVersion

_CHANGED = ("name", "status", "starts_at", "ends_at", "landing_url")
_NAMES = ("id", "slug", *_CHANGED, "terms_version", "revision", "created_at")
_COLUMNS = tuple(programs.c[name] for name in _NAMES)


def _program_from(row: asyncpg.Record) -> Program:
    values = {name: row[name] for name in _NAMES}
    return Program(**{**values, "slug": Slug(row["slug"]), "status": ProgramStatus(row["status"])})


_slug = bindparam("slug", type_=Text)
_this = programs.c.slug == _slug
_terms = cast(bindparam("terms", type_=Text), JSONB)
_kept_terms = (
    program_terms.c.version,
    cast(program_terms.c.terms, Text).label("terms"),
    program_terms.c.created_at.label("since"),
)

_added = (
    insert_or_not(programs)
    .values(
        {name: bindparam(name) for name in ("slug", *_CHANGED, "created_at", *OF_TERMS)}
        | {"terms_version": 1}
    )
    .on_conflict_do_nothing()
    .returning(programs.c.id, programs.c.terms_version, programs.c.revision, programs.c.created_at)
    .cte("added")
)
_ADD = Statement(
    insert(program_terms)
    .from_select(
        ["program_id", "version", "terms", "created_at"],
        select(_added.c.id, _added.c.terms_version, _terms, _added.c.created_at),
    )
    .returning(
        program_terms.c.program_id,
        program_terms.c.version,
        select(_added.c.revision).scalar_subquery().label("revision"),
    )
)
_IN_FORCE = Statement(
    select(*_COLUMNS, *_kept_terms)
    .join_from(
        programs,
        program_terms,
        (program_terms.c.program_id == programs.c.id)
        & (program_terms.c.version == programs.c.terms_version),
    )
    .where(_this)
)
_LOCK = Statement(select(*_COLUMNS).where(_this).with_for_update())
_SAVE = Statement(
    update(programs)
    .values({name: bindparam(name) for name in _CHANGED} | {"revision": func.gen_random_uuid()})
    .where(programs.c.id == bindparam("program_id"))
    .returning(*_COLUMNS)
)
_after = bindparam("after", type_=BigInteger)
_PAGE = Statement(
    select(*_COLUMNS)
    .where(or_(_after.is_(None), programs.c.id < _after))
    .order_by(programs.c.id.desc())
    .limit(bindparam("size", type_=BigInteger))
)
# The row's lock numbers those who add terms at the same time one after the other.
_next = (
    update(programs)
    .values(
        terms_version=programs.c.terms_version + 1,
        revision=func.gen_random_uuid(),
        **{name: bindparam(name) for name in OF_TERMS},
    )
    .where(_this)
    .returning(programs.c.id, programs.c.terms_version)
    .cte("next")
)
_ADD_TERMS = Statement(
    insert(program_terms)
    .from_select(
        ["program_id", "version", "terms", "created_at"],
        select(_next.c.id, _next.c.terms_version, _terms, bindparam("now", type_=INSTANT)),
    )
    .returning(*_kept_terms)
)
_TERMS = Statement(
    select(*_kept_terms)
    .select_from(
        programs.outerjoin(
            program_terms,
            (program_terms.c.program_id == programs.c.id)
            & (program_terms.c.version == bindparam("version", type_=Integer)),
        )
    )
    .where(_this)
)


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    queries: Queries

    async def add(self, program: NewProgram, terms: Terms) -> Program:
        row = await self.queries.one(
            _ADD,
            slug=program.slug.value,
            created_at=program.created_at,
            terms=terms_json(terms),
            **_changed(program),
            **of_terms(terms),
        )
        if row is None:
            raise SlugTaken
        values = {name: getattr(program, name) for name in ("slug", *_CHANGED, "created_at")}
        return Program(
            **values, id=row["program_id"], terms_version=row["version"], revision=row["revision"]
        )

    async def in_force(self, slug: Slug) -> ProgramInForce:
        row = await self.queries.one(_IN_FORCE, slug=slug.value)
        if row is None:
            raise ProgramNotFound
        return ProgramInForce(_program_from(row), kept_from(row).terms)

    async def lock(self, slug: Slug) -> Program:
        row = await self.queries.one(_LOCK, slug=slug.value)
        if row is None:
            raise ProgramNotFound
        return _program_from(row)

    async def save(self, program: Program) -> Program:
        [row] = await self.queries.all(_SAVE, program_id=program.id, **_changed(program))
        return _program_from(row)

    async def page_of(self, request: ListRequest) -> ListPage[Program]:
        rows = await self.queries.all(_PAGE, after=request.after_number, size=request.limit + 1)
        return ListPage.of([*map(_program_from, rows)], request, lambda program: program.id)

    async def add_terms(self, slug: Slug, terms: Terms, now: datetime) -> KeptTerms:
        row = await self.queries.one(
            _ADD_TERMS, slug=slug.value, terms=terms_json(terms), now=now, **of_terms(terms)
        )
        if row is None:
            raise ProgramNotFound
        return kept_from(row)

    async def terms(self, slug: Slug, version: TermsVersion) -> KeptTerms:
        row = await self.queries.one(_TERMS, slug=slug.value, version=version)
        if row is None:
            raise ProgramNotFound
        if row["version"] is None:
            raise TermsNotFound
        return kept_from(row)


def _changed(program: NewProgram) -> dict[str, object]:
    return {**{name: getattr(program, name) for name in _CHANGED}, "status": program.status.value}
