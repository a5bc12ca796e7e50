"""The service on PostgreSQL, with a time and ids that a test foresees."""

from dishka import Provider, Scope, make_container, provide

from fakes import FakeClock, FakePasswordHasher, FakeRandomness
from referral.adapters.postgres.core.database import Database
from referral.application.accounts.ports import PasswordHasher
from referral.application.ports import Clock, Randomness
from referral.application.use_cases import UseCases
from referral.entrypoints.bootstrap.container import Adapters, Application
from referral.entrypoints.bootstrap.settings import Settings


class Foreseeable(Provider):
    """What a model has to know: the time and what is drawn; and a hasher that costs nothing."""

    scope = Scope.APP

    def __init__(self, url):
        super().__init__()
        self.time, self.draws = FakeClock(), FakeRandomness()
        settings = Settings(
            database_url=url,
            secret="0123456789abcdef0123456789abcdef",
            pool_size=2,
            rate_limits="off",
        )
        container = make_container(Adapters(), Application(), self, context={Settings: settings})
        self.database = container.get(Database)
        self.use_cases = container.get(UseCases)

    @provide
    def clock(self) -> Clock:
        return self.time

    @provide
    def randomness(self) -> Randomness:
        return self.draws

    @provide
    def password_hasher(self) -> PasswordHasher:
        return FakePasswordHasher()
