"""What the landing pages offer: assets, and the forms in front of them."""

from datetime import timedelta
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from nurture.domain.duration import Duration
from nurture.domain.model import Definition, Slug

LANGUAGE_PATTERN: Final = r"^[a-z]{2}(-[A-Z]{2})?$"
LanguageTag = Annotated[str, Field(pattern=LANGUAGE_PATTERN)]


class Link(Definition):
    """How long, and how often, a personal download link works."""

    expires: Duration = timedelta(days=7)
    """How long after it was given out."""
    downloads: Annotated[int, Field(ge=1)] = 5
    """How many downloads, so that a link passed around ends."""


class Asset(Definition):
    """A piece of content; gated if it needs contact details. `file` is relative to the configuration folder."""

    title: dict[LanguageTag, Annotated[str, Field(min_length=1)]] = Field(min_length=1)
    """What readers see, by language."""
    file: Annotated[str, Field(min_length=1)]
    """The file, relative to the configuration folder."""
    gated: bool = False
    """Whether it takes contact details to get it."""
    link: Link = Link()
    """How long, and how often, a personal link to it works."""


def _is_origin(value: str) -> str:
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or set("/*@") & {*parts.netloc}
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
    ):
        where = (
            f"{parts.scheme}://{parts.hostname}"
            if parts.scheme in {"http", "https"} and parts.hostname
            else "https://www.example.com"
        )
        raise ValueError(f"{value!r} is no origin; write scheme and host alone, like {where}")
    return f"{parts.scheme}://{parts.netloc}".lower()


Origin = Annotated[str, AfterValidator(_is_origin)]


_EMAIL_ALONE: Final[dict[str, Literal["required", "optional"]]] = {"email": "required"}


class Form(Definition):
    """A form on a landing page: its fields, what it delivers and where it may send people afterwards."""

    asset: Slug | None = None
    """The asset it stands in front of."""
    deliver: Literal["redirect", "email", "none"] = "none"
    """How the asset reaches people: the browser is sent to it, a mail brings the link, or not at all."""
    fields: dict[Annotated[str, Field(min_length=1, max_length=64)], Literal["required", "optional"]] = Field(
        default=_EMAIL_ALONE, min_length=1
    )
    """What the form tells of the person, by the fields' names in HTML; what else is posted is only kept with the event."""
    consent: Slug | None = None
    """The purpose that people agree to by sending it, kept with the proof."""
    redirects: tuple[Origin, ...] = ()
    """The sites to which the form may send people afterwards."""
    thanks: str | None = None
    """What the page says afterwards, where neither the form nor its asset sends people on."""
