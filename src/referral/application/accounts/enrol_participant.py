from dataclasses import dataclass, replace

from referral.application.again import again
from referral.application.audit import Audit
from referral.application.input_rules import InputRules
from referral.application.ports import Clock, Randomness
from referral.application.transaction import UnitOfWork
from referral.application.webhooks.messages import participant_created
from referral.domain.access.caller import OPERATOR, Caller, Scope
from referral.domain.accounts.errors import ExternalIdTaken
from referral.domain.accounts.external_id import ExternalId, Locale
from referral.domain.accounts.user import Participant, UserId
from referral.domain.errors import Checks


@dataclass(frozen=True, slots=True)
class EnrolParticipant:
    """Enrol someone under a server's own id, or change them to what is given now; tell whether they are new.

    What is left out is forgotten; the same again changes nothing. Raises MissingScope, InvalidInput, EmailTaken or
    UsernameTaken.
    """

    unit_of_work: UnitOfWork
    rules: InputRules
    randomness: Randomness
    clock: Clock
    audit: Audit

    async def __call__(
        self,
        *,
        external_id: str,
        email: str | None = None,
        username: str | None = None,
        locale: str | None = None,
        caller: Caller = OPERATOR,
    ) -> tuple[Participant, bool]:
        with self.audit.by(caller, "enrol-participant") as deed:
            caller.ensure_may(Scope.PARTICIPANTS_WRITE)
            checks = Checks()
            with checks.of("external_id"):
                reference = ExternalId.parse(external_id)
            address = name = language = None
            if email is not None:
                with checks.of("email"):
                    address = self.rules.email(email)
            if username is not None:
                with checks.of("username"):
                    name = self.rules.username(username, email=email or "")
            if locale is not None:
                with checks.of("locale"):
                    language = Locale.parse(locale)
            checks.done()
            given = Participant(
                id=UserId(self.randomness.new_id()),
                external_id=reference,
                email=address,
                username=name,
                locale=language,
                created_at=self.clock.now(),
            )
            enrolled, is_new = await again(self._store, reference, given)
            deed.other_user_id = enrolled.id
            return enrolled, is_new

    async def _store(self, reference: ExternalId, given: Participant) -> tuple[Participant, bool]:
        async with self.unit_of_work.begin() as tx:
            try:
                await tx.participants.add(given)
            except ExternalIdTaken:
                before = await tx.participants.lock(reference)
            else:
                await tx.outbox.add(participant_created(given))
                return given, True
            now = replace(before, email=given.email, username=given.username, locale=given.locale)
            if now != before:
                await tx.participants.save(now)
            return now, False
