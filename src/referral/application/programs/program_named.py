from referral.domain.errors import InvalidInput
from referral.domain.programs.errors import ProgramNotFound
from referral.domain.programs.program import Slug


def program_named(slug: str) -> Slug:
    """The slug of a program that may exist; raise ProgramNotFound for what is no slug."""
    try:
        return Slug.parse(slug)
    except InvalidInput:
        raise ProgramNotFound from None
