from functools import cache
from importlib.resources import files


class ListedCommonPasswords:
    """The passwords of 8 characters and more among the 30,000 most often chosen.

    As counted in leaked collections and published with zxcvbn (Dropbox, MIT licence).
    """

    def __contains__(self, password: object) -> bool:
        return str(password).casefold() in _listed()


@cache
def _listed() -> frozenset[str]:
    text = files(__package__).joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(text.splitlines())
