"""Whatever people do, one after another, on PostgreSQL: a model of a few lines foretells how each step ends,
and after each the database holds what the model says.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from databases import execute
from examples import PASSWORD
from foreseeable import Foreseeable
from paging import paged, walked
from referral.application.programs.issue_code import ATTEMPTS_AT_A_FREE_TEXT
from referral.domain.accounts.errors import EmailTaken, UsernameTaken, UserNotFound, WrongPassword
from referral.domain.accounts.user import UserId
from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import (
    ActiveCodeExists,
    CodeNotFound,
    CodeNotUsable,
    CodeTaken,
    NotYourCode,
)

names = st.sampled_from(
    ["ann", "Ann", "cyd", "dan", "DAN", "eve", "fay", "gus", "hal", "ivy", "joe"]
)
own_texts = st.sampled_from(["SPRING", "spring", "SUMMER-2", "summer-3", "FALL-4", "WINTER"])
lifetimes = st.sampled_from([0, 1, 5, 10, 30])  # days


@dataclass(eq=False)
class Person:
    id: UserId
    name: str
    referrer: "Person | None" = None
    gone: bool = False
    brought: "list[Person]" = field(default_factory=list)


@dataclass(eq=False)
class Code:
    owner: Person
    expires_at: datetime
    retired: bool = False


class People(RuleBasedStateMachine):
    people = Bundle("people")
    gone = Bundle("gone")
    texts = Bundle("texts")  # of all codes there ever were, and one more

    def __init__(self, run, url):
        super().__init__()
        execute(url, "TRUNCATE users CASCADE")
        self.run = run
        known = Foreseeable(url)
        self.clock, self.randomness = known.time, known.draws
        self.database, self.referral = known.database, known.use_cases
        run(self.database.__aenter__())
        self.registered: list[Person] = []
        self.codes: dict[str, Code] = {}

    def teardown(self):
        try:
            for size in (1, 2, 3):
                self.list_page_by_page(size)
        finally:
            self.run(self.database.__aexit__())

    def list_page_by_page(self, size):
        for who in self.registered:
            codes = partial(self.referral.programs.list_codes, owner_id=who.id)
            referrals = partial(self.referral.programs.list_referrals, referrer_id=who.id)

            assert self.texts_of(self.run(paged(codes, size))) == self.listed_codes_of(who)
            assert self.ids_of(self.run(paged(referrals, size))) == self.ids_of(who.brought)
            assert self.ids_of(self.run(walked(referrals, size))) == self.ids_of(who.brought)

    def is_active(self, code):
        return code is not None and not code.retired and self.clock.now() < code.expires_at

    def has_active_code(self, owner):
        return any(c.owner is owner and self.is_active(c) for c in self.codes.values())

    def ends_as_expected(self, attempt, refusals):
        """Whether it is done; it is refused exactly if there is a reason, and for one of the reasons."""
        try:
            self.result = self.run(attempt)
        except (*refusals,):
            return False
        assert not refusals
        return True

    @initialize(target=texts)
    def there_is_a_code_and_a_text_that_nobody_used(self):
        return multiple(self.issue(self.register("zoe"), 30, ["ZOES-CODE"]), "UNKNOWN-1")

    @initialize(target=people)
    def there_are_two_people(self):
        return multiple(self.register("ann"), self.register("bob"))

    @rule(target=people, name=names)
    def register_alone(self, name):
        return self.register(name)

    @rule(target=people, name=names, text=texts)
    def register_with_any_code(self, name, text):
        return self.register(name, text)

    @rule(target=people, name=names)
    def register_with_the_oldest_active_code(self, name):
        active = (text for text, code in self.codes.items() if self.is_active(code))
        return self.register(name, next(active, None))

    def register(self, name, text=None):
        code = self.codes.get(text)
        refusals = set()
        if text is not None and not self.is_active(code):
            refusals = {CodeNotUsable}
        elif self.namesake(name):
            refusals = {UsernameTaken, EmailTaken}

        attempt = self.referral.accounts.register_user(
            username=name,
            email=f"{name}@example.org",
            password=PASSWORD,
            code=text and text.lower(),
        )
        if not self.ends_as_expected(attempt, refusals):
            return multiple()
        person = Person(self.result.id, name, code and code.owner)
        self.registered.append(person)
        if code:
            code.owner.brought.insert(0, person)
        return person

    def namesake(self, name):
        alike = (p for p in self.registered if p.name.lower() == name.lower())
        return next((p for p in alike if not p.gone), None)

    @rule(target=texts, owner=people, days=lifetimes, text=own_texts | texts, replace=st.booleans())
    def issue_with_a_text_of_ones_own(self, owner, days, text, replace):
        return self.issue(owner, days, [text.upper()], code=text, replace_active=replace)

    @rule(target=texts, owner=people, days=lifetimes, drawn=st.lists(texts, max_size=4))
    def issue_with_a_text_that_is_drawn(self, owner, days, drawn):
        return self.issue(owner, days, [*drawn, f"DRAWN-{len(self.codes)}"])

    @rule(target=texts, owner=people, days=lifetimes)
    def replace_by_a_text_that_is_drawn(self, owner, days):
        return self.issue(owner, days, [f"DRAWN-{len(self.codes)}"], replace_active=True)

    def issue(self, owner, days, drawn, *, replace_active=False, **more):
        self.randomness.code_texts = [*drawn]
        tried = drawn[:ATTEMPTS_AT_A_FREE_TEXT]
        text = next((text for text in tried if text not in self.codes), None)
        refusals = set()
        if days == 0:
            refusals = {InvalidInput}
        elif self.has_active_code(owner) and not replace_active:
            refusals = {ActiveCodeExists}
        if days and text is None:
            refusals |= {CodeTaken}

        until = self.clock.now() + timedelta(days=days)
        attempt = self.referral.programs.issue_code(
            owner_id=owner.id, expires_at=until, replace_active=replace_active, **more
        )
        if not self.ends_as_expected(attempt, refusals):
            return multiple()
        assert self.result.text.value == text
        self.retire_active(owner)
        self.codes[text] = Code(owner, until)
        return text

    def retire_active(self, owner):
        for code in self.codes.values():
            if code.owner is owner and self.is_active(code):
                code.retired = True

    @rule(text=texts, who=people, own=st.booleans())
    def retire(self, text, who, own):
        code = self.codes.get(text)
        who = code.owner if own and code else who
        refusals = set()
        if who.gone:
            refusals = {UserNotFound}
        elif code is None:
            refusals = {CodeNotFound}
        elif code.owner is not who:
            refusals = {NotYourCode}
        elif code.retired:
            refusals = {CodeNotFound}

        if self.ends_as_expected(
            self.referral.programs.retire_code(owner_id=who.id, code=text), refusals
        ):
            code.retired = True

    @rule(days=st.sampled_from([1, 4]))
    def let_time_pass(self, days):
        self.clock.advance(days=days)

    @rule(target=gone, who=consumes(people))
    def erase(self, who):
        attempt = self.referral.accounts.erase_user(user_id=who.id, password="a wrong password")
        assert not self.ends_as_expected(attempt, {WrongPassword})
        attempt = self.referral.accounts.erase_user(user_id=who.id, password=PASSWORD)
        assert self.ends_as_expected(attempt, set())
        who.gone = True
        self.retire_active(who)
        return who

    @rule(who=gone, replace=st.booleans())
    def who_is_gone_can_do_nothing(self, who, replace):
        until = self.clock.now() + timedelta(days=1)
        for attempt in (
            self.referral.accounts.who_am_i(user_id=who.id),
            self.referral.accounts.erase_user(user_id=who.id, password=PASSWORD),
            self.referral.programs.issue_code(
                owner_id=who.id, expires_at=until, replace_active=replace
            ),
        ):
            assert not self.ends_as_expected(attempt, {UserNotFound})

    def ids_of(self, people):
        return [person.id for person in people]

    def texts_of(self, codes):
        return [code.text.value for code in codes]

    def listed_codes_of(self, who):
        return [text for text, c in self.codes.items() if c.owner is who and not c.retired]

    def rows(self, sql, *arguments):
        async def fetch():
            async with self.database.connection() as held:
                return await held.connection.fetch(sql, *arguments)

        return [tuple(row) for row in self.run(fetch())]

    @invariant()
    def nobody_has_two_active_codes(self):
        assert not self.rows(
            "SELECT owner_id FROM referral_codes WHERE retired_at IS NULL AND expires_at > $1"
            " GROUP BY owner_id HAVING count(*) > 1",
            self.clock.now(),
        )

    @invariant()
    def a_text_once_used_stays_its_first_owners(self):
        found = self.rows(
            "SELECT text, owner_id, expires_at, retired_at IS NOT NULL FROM referral_codes ORDER BY id"
        )
        assert found == [(t, c.owner.id, c.expires_at, c.retired) for t, c in self.codes.items()]

    @invariant()
    def who_is_gone_left_no_more_than_an_id_and_the_others_are_as_they_were(self):
        found = self.rows(
            "SELECT id, username, username_key, email, email_key, password_hash IS NULL,"
            " erased_at IS NOT NULL, referrals_count FROM users ORDER BY id"
        )
        assert found == [
            (p.id, None, None, None, None, True, True, len(p.brought))
            if p.gone
            else (
                p.id,
                p.name,
                p.name.lower(),
                f"{p.name}@example.org",
                f"{p.name}@example.org".lower(),
                False,
                False,
                len(p.brought),
            )
            for p in self.registered
        ]

    @invariant()
    def everybody_sees_whom_they_brought_and_their_own_codes(self):
        for person in self.registered:
            brought = self.run(self.referral.programs.list_referrals(referrer_id=person.id))
            assert (brought.total, self.ids_of(brought.items)) == (
                len(person.brought),
                self.ids_of(person.brought),
            )
            assert [r.username for r in brought.items] == [
                None if referee.gone else referee.name for referee in person.brought
            ]
            codes = self.run(self.referral.programs.list_codes(owner_id=person.id))
            assert self.texts_of(codes.items) == self.listed_codes_of(person)
            assert codes.total == len(codes.items)

    @invariant()
    def everybody_is_found_with_the_code_that_is_active(self):
        for name in {person.name.upper() for person in self.registered}:
            attempt = self.referral.programs.find_code(email=f"{name}@EXAMPLE.org")
            owner = self.namesake(name)
            missing = set() if self.has_active_code(owner) else {CodeNotFound}
            if self.ends_as_expected(attempt, missing):
                found, user = self.result
                assert self.is_active(self.codes[found.text.value])
                assert user.id == found.owner_id == owner.id

    @invariant()
    def anyone_can_see_whether_a_code_is_active(self):
        for text, code in [*self.codes.items(), ("UNKNOWN-2", None)]:
            missing = {CodeNotFound} if code is None or code.retired else set()
            if self.ends_as_expected(
                self.referral.programs.code_status(code=text.lower()), missing
            ):
                assert self.result.expires_at == code.expires_at
                assert self.result.is_active(self.clock.now()) == self.is_active(code)

    @invariant()
    def whoever_was_brought_stays_brought_by_the_same_person(self):
        found = self.rows("SELECT referee_id, referrer_id FROM referrals ORDER BY referee_id")
        assert found == [(p.id, p.referrer.id) for p in self.registered if p.referrer]


def test_whatever_people_do_the_rules_hold(database_url):
    with asyncio.Runner() as runner:
        run_state_machine_as_test(lambda: People(runner.run, database_url))
