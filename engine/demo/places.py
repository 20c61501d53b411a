"""Where the made-up customers live: how many, in which time zones and languages, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A country. `share` is its weight among all; `zones` and `locales` are listed by how common they are."""

    country: str
    share: int
    zones: tuple[str, ...]
    locales: tuple[str, ...]
    names: tuple[str, ...]


_ENGLISH = ("Olivia", "Emma", "Amelia", "Charlotte", "Sophia", "Liam", "Noah", "Oliver", "James", "Theodore", "Grace")
_GERMAN = ("Anna", "Lena", "Hannah", "Katharina", "Jürgen", "Jonas", "Lukas", "Felix", "Björn", "Greta")
_FRENCH = ("Léa", "Chloé", "Camille", "Zoé", "François", "Hugo", "Louis", "Gaël", "Inès", "Théo")
_NORWEGIAN = ("Ingrid", "Solveig", "Astrid", "Nora", "Håkon", "Bjørn", "Sindre", "Øyvind", "Åse")
_BRAZILIAN = ("Maria", "Júlia", "Antônia", "Larissa", "João", "Mateus", "Caetano", "Thiago", "Conceição")
_INDIAN = ("Aarav", "Vihaan", "Arjun", "Ishaan", "Ananya", "Diya", "Priya", "Kavya", "Rohan")
_JAPANESE = ("陽菜", "結衣", "Sakura", "Yui", "Haruto", "蓮", "Ren", "Sōta", "Aoi")

PLACES = (
    Place(
        "US",
        34,
        ("America/New_York", "America/Chicago", "America/Los_Angeles", "America/Denver", "Pacific/Honolulu"),
        ("en-US", "es-US"),
        (*_ENGLISH, "José", "Sofía"),
    ),
    Place("CA", 7, ("America/Toronto", "America/Vancouver", "America/St_Johns"), ("en-CA", "fr-CA"), _ENGLISH),
    Place("GB", 12, ("Europe/London",), ("en-GB",), (*_ENGLISH, "Siân")),
    Place("DE", 13, ("Europe/Berlin",), ("de-DE",), _GERMAN),
    Place("FR", 9, ("Europe/Paris",), ("fr-FR",), _FRENCH),
    Place("NO", 4, ("Europe/Oslo",), ("nb-NO", "nn-NO"), _NORWEGIAN),
    Place("BR", 7, ("America/Sao_Paulo", "America/Manaus"), ("pt-BR",), _BRAZILIAN),
    Place("IN", 6, ("Asia/Kolkata",), ("en-IN", "hi-IN"), _INDIAN),
    Place("JP", 5, ("Asia/Tokyo",), ("ja-JP",), _JAPANESE),
    Place("AU", 3, ("Australia/Sydney", "Australia/Lord_Howe", "Australia/Perth"), ("en-AU",), _ENGLISH),
)

NO_SUCH_ZONES = ("Mars/Olympus_Mons", "Europe/Atlantis", "GMT+25", "n/a")
"""What some systems write into a time zone."""
