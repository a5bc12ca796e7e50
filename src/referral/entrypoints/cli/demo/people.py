"""People who do not exist."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

_FIRST = (  # noqa: SIM905  one a line would be pages
    "Ada Ali Amara Ana Anton Asha Bao Bea Carlos Chloe Dana Diego Dmitri Elif Emma Eva Farid Finn Greta Hana"
    " Hugo Ida Ines Isla Jamal Jan Jonas Kaito Kofi Lars Leila Lena Liam Lucia Luka Maja Marco Mei Mila Nadia"
    " Nia Noah Nora Olga Omar Paula Pavel Priya Rafael Rosa Sami Sara Sofia Tariq Theo Tomas Uma Vera Yara Zoe"
).split()
_LAST = (  # noqa: SIM905
    "Abadi Adler Banerjee Becker Bauer Costa Cruz Dahl Diallo Eriksen Farkas Ferrari Fischer Garcia Gruber Haas"
    " Hansen Horvat Ito Ivanov Jansen Kaya Keller Khan Kovacs Lang Lopez Maier Mensah Moreau Nguyen Novak Okafor"
    " Olsen Patel Petrov Rossi Santos Sato Silva Singh Tanaka Vogel Wagner Weber Wolf Yilmaz Zhang"
).split()
_LOCALES = ("de-AT", "de-DE", "en-GB", "es-ES", "fr-FR", "it-IT")
_THROWN_AWAY = 0.04


class Made(NamedTuple):
    """Someone who is made up, as a shop knows them."""

    external_id: str
    first_name: str
    username: str
    email: str
    locale: str


def people(random: Random) -> Iterator[Made]:
    """Each another one, a few of them with a throw-away address; there are some thousands."""
    names = [(first, last) for first in _FIRST for last in _LAST]
    random.shuffle(names)
    for number, (first, last) in enumerate(names, 1001):
        username = f"{first}.{last}".lower()
        domain = "mailinator.com" if random.random() < _THROWN_AWAY else "example.org"
        yield Made(
            f"customer-{number}", first, username, f"{username}@{domain}", random.choice(_LOCALES)
        )
