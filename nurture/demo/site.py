"""The blog that the crowd reads: its pages, as its script and its forms see them."""

from typing import Final, Literal, NamedTuple

ORIGIN: Final = "https://www.example.com"

Language = Literal["fr", "en"]


class Page(NamedTuple):
    """One page of the blog."""

    path: str
    title: str

    @property
    def url(self) -> str:
        return ORIGIN + self.path


class Site(NamedTuple):
    """The pages in one language."""

    home: Page
    articles: tuple[Page, ...]
    case_study: Page
    pricing: Page
    careers: Page
    guide: Page
    demo: Page


SITES: Final[dict[Language, Site]] = {
    "en": Site(
        home=Page("/", "Publish for the ninety-five, talk with the five"),
        articles=(
            Page("/blog/the-95-5-rule", "The 95-5 rule, and why your calendar ignores it"),
            Page("/blog/free-or-gated", "Free or gated? A test in ten minutes"),
            Page("/blog/shared-figures", "Figures that marketing and sales can share"),
        ),
        case_study=Page("/case-studies/half-the-leads", "Half the leads, twice the demos"),
        pricing=Page("/pricing", "Pricing"),
        careers=Page("/careers", "Careers"),
        guide=Page("/guide", "The lead gen guide"),
        demo=Page("/demo", "See a demo"),
    ),
    "fr": Site(
        home=Page("/fr/", "Publiez pour les quatre-vingt-quinze, parlez avec les cinq"),
        articles=(
            Page("/fr/blog/la-regle-des-95-5", "La règle des 95-5, et pourquoi votre agenda l’ignore"),
            Page("/fr/blog/libre-ou-verrouille", "Libre ou verrouillé ? Un test en dix minutes"),
            Page("/fr/blog/chiffres-partages", "Les chiffres que marketing et ventes peuvent partager"),
        ),
        case_study=Page("/fr/etudes-de-cas/moitie-moins-de-leads", "Moitié moins de leads, deux fois plus de démos"),
        pricing=Page("/fr/tarifs", "Tarifs"),
        careers=Page("/fr/carrieres", "Carrières"),
        guide=Page("/fr/guide", "Le guide de la lead gen"),
        demo=Page("/fr/demo", "Voir une démo"),
    ),
}
