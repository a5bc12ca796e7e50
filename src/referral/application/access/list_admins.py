from collections.abc import Sequence
from dataclasses import dataclass

from referral.application.access.ports import Administrator, Administrators


@dataclass(frozen=True, slots=True)
class ListAdmins:
    """The administrators, those first who have been it longest."""

    administrators: Administrators

    async def __call__(self) -> Sequence[Administrator]:
        return await self.administrators.all()
