"""Who comes: made-up people of made-up companies. Their addresses lie below domains that are reserved for examples (RFC 2606)."""

import unicodedata
from collections.abc import Iterator
from random import Random
from typing import Final, Literal, NamedTuple

from nurture.demo.site import Language

#: bounce: one page and gone · reader: comes for the articles · researcher: compares, never tells a name · decider: decides,
#: and takes the guide · practitioner: takes the guide for their work · student: takes it for their studies · subscriber:
#: wants the newsletter · applicant: looks for a job.
Persona = Literal["bounce", "reader", "researcher", "decider", "practitioner", "student", "subscriber", "applicant"]

#: How many of each come; two hundred in all.
HEADCOUNT: Final[dict[Persona, int]] = {
    "bounce": 58, "reader": 46, "researcher": 24, "decider": 22, "practitioner": 20, "student": 9, "subscriber": 13,
    "applicant": 8,
}  # fmt: skip

#: Whether a first name goes with the first or the second form of a title, where a language has two.
Form = Literal[0, 1]


class Someone(NamedTuple):
    """One made-up person."""

    persona: Persona
    language: Language
    timezone: str
    first_name: str
    last_name: str
    email: str
    company: str
    job_title: str


_FIRST_NAMES: Final[dict[Language, tuple[tuple[str, Form], ...]]] = {
    "fr": (
        ("Agathe", 0), ("Bastien", 1), ("Clémence", 0), ("Damien", 1), ("Élodie", 0), ("Fabrice", 1), ("Garance", 0), ("Hugo", 1),
        ("Inès", 0), ("Jérôme", 1), ("Léonie", 0), ("Mathis", 1), ("Noémie", 0), ("Octave", 1), ("Pauline", 0), ("Quentin", 1),
        ("Romane", 0), ("Sylvain", 1), ("Tiphaine", 0), ("Ulysse", 1),
    ),
    "en": (
        ("Abigail", 0), ("Barnaby", 1), ("Cordelia", 0), ("Desmond", 1), ("Eleanor", 0), ("Fergus", 1), ("Gwendolen", 0),
        ("Hamish", 1), ("Imogen", 0), ("Jasper", 1), ("Kerensa", 0), ("Lachlan", 1),
    ),
}  # fmt: skip

_LAST_NAMES: Final[dict[Language, tuple[str, ...]]] = {
    "fr": (
        "Aubépin", "Boisclair", "Champdor", "Delaroue", "Épinay-Roux", "Fontvielle", "Grandlac", "Hautbois", "Jolivert",
        "Lafougère", "Montpré", "Noisette", "Orgeval-Brun", "Pierrefleur", "Roquebleue", "Sablonnier", "Tournesol", "Valdor",
    ),
    "en": (
        "Applegarth", "Birchwater", "Coldharbour", "Dunnockshaw", "Elderfield", "Fairweather-Oak", "Greyfell", "Hollowbrook",
        "Inglethorpe", "Juniperdale", "Larkhampton", "Mossgrove",
    ),
}  # fmt: skip

_COMPANIES: Final = (
    "Atelier Bourrasque", "Cadran & Fils", "Ferronnerie Numérique", "Groupe Marémoteur", "Hélice Conseil", "Les Ponts Légers",
    "Logiciels du Phare", "Manufacture Quartz", "Nuage de Craie", "Papeterie Orbitale", "Signal Tilleul", "Vergers Connectés",
    "Beacon & Thistle", "Copperline Systems", "Driftwood Analytics", "Foxglove Freight", "Kettle Street Software", "Tidewater Ledger",
)  # fmt: skip

_SCHOOL: Final = "Université Imaginaire"

#: Mail to these companies goes through a gateway that tries every link before anybody reads it.
GUARDED: Final = frozenset({"Groupe Marémoteur", "Manufacture Quartz", "Copperline Systems"})

_TITLES: Final[dict[Persona, dict[Language, tuple[tuple[str, str], ...]]]] = {
    "decider": {
        "fr": (
            ("Directrice marketing", "Directeur marketing"), ("Responsable acquisition", "Responsable acquisition"),
            ("Directrice commerciale", "Directeur commercial"), ("Fondatrice", "Fondateur"),
        ),
        "en": (
            ("Head of Marketing", "Head of Marketing"), ("Chief Revenue Officer", "Chief Revenue Officer"),
            ("VP Demand Generation", "VP Demand Generation"), ("Founder", "Founder"),
        ),
    },
    "practitioner": {
        "fr": (("Chargée de contenu", "Chargé de contenu"), ("Cheffe de projet web", "Chef de projet web"), ("Rédactrice", "Rédacteur")),
        "en": (("Content editor", "Content editor"), ("Marketing specialist", "Marketing specialist"), ("Copywriter", "Copywriter")),
    },
    "student": {"fr": (("Étudiante", "Étudiant"),), "en": (("Student", "Student"),)},
}  # fmt: skip

_TIMEZONES: Final[dict[Language, tuple[str, ...]]] = {
    "fr": ("Europe/Paris", "Europe/Paris", "Europe/Paris", "Europe/Brussels", "America/Montreal"),
    "en": ("Europe/London", "Europe/London", "Europe/Dublin", "America/Toronto"),
}

#: Three of five read French.
_FRENCH: Final = 0.6


def everybody(random: Random) -> Iterator[Someone]:
    """The whole cast, in the same order for the same seed."""
    taken: set[str] = set()
    for persona, number in HEADCOUNT.items():
        for _ in range(number):
            someone = _someone(persona, random)
            while someone.email in taken:
                someone = _someone(persona, random)
            taken.add(someone.email)
            yield someone


def _someone(persona: Persona, random: Random) -> Someone:
    language: Language = "fr" if random.random() < _FRENCH else "en"
    first_name, form = random.choice(_FIRST_NAMES[language])
    last_name = random.choice(_LAST_NAMES[language])
    titles = _TITLES.get(persona)
    company = _SCHOOL if persona == "student" else random.choice(_COMPANIES)
    return Someone(
        persona=persona, language=language, timezone=random.choice(_TIMEZONES[language]), first_name=first_name,
        last_name=last_name, email=f"{_plain(first_name)}.{_plain(last_name)}@{_plain(company)}.example.com", company=company,
        job_title=random.choice(titles[language])[form] if titles else "",
    )  # fmt: skip


def _plain(name: str) -> str:
    """A name as it stands in an address: `Épinay-Roux` as `epinay-roux`."""
    letters = unicodedata.normalize("NFKD", name.lower().replace("&", "et")).encode("ascii", "ignore").decode()
    return "-".join("".join(letter if letter.isalnum() else " " for letter in letters).split())
