"""Reports as one page that asks nobody for anything: no script, no font, no picture from elsewhere.

In a file all reports stand below one another, as somebody sends or prints them; where they are served each has a page of its own.
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from nurture.reports.told import ToldReport, ToldSheet
from nurture.reports.words import common_words

if TYPE_CHECKING:
    from nurture.reports.plots import Drawing

_TEMPLATES: Final = "templates"

#: More rows than this are folded away below a plot that shows the same.
_FOLDED: Final = 12

#: A report of more sheets than this begins with a list of them.
_CONTENTS: Final = 5


class Link(NamedTuple):
    """A way to another report, or to another part of the page."""

    title: str
    href: str
    current: bool = False
    code: str = ""


class Controls(NamedTuple):
    """What a reader may change where reports are served: the days (ISO dates), the language, and to be logged in."""

    first: str
    last: str
    languages: Sequence[Link]
    log_out: str | None


@cache
def _template() -> Template:
    pages = Environment(loader=PackageLoader("nurture.reports", _TEMPLATES), autoescape=True, undefined=StrictUndefined)
    return pages.get_template("report.html")


@cache
def style() -> str:
    """The style sheet of the page, which stands in it."""
    return (files("nurture.reports") / _TEMPLATES / "report.css").read_text(encoding="utf-8")


@cache
def policy(*, forms: bool) -> str:
    """What the page may do (Content-Security-Policy): show itself in its own style, and post its own forms if it has any."""
    digest = b64encode(sha256(style().encode()).digest()).decode()
    own = "'self'" if forms else "'none'"
    return f"default-src 'none'; style-src 'sha256-{digest}'; form-action {own}; base-uri 'none'"


def page(
    reports: Sequence[ToldReport], language: str, links: Sequence[Link] | None = None, controls: Controls | None = None
) -> str:
    """The page as HTML. `links` lead to other reports; without them, to those of the page itself if it holds several."""
    common = common_words(language)
    if links is None:
        links = [Link(each.title, f"#{each.name}") for each in reports] if len(reports) > 1 else []
    return _template().render(
        language=language,
        common=common,
        policy=policy(forms=controls is not None),
        style=style(),
        reports=reports,
        links=links,
        controls=controls,
        folded=_FOLDED,
        contents=_CONTENTS,
        drawings={
            f"{report.name}-{sheet.name}": _drawing(report, sheet, language) for report in reports for sheet in report.sheets
        },
        meanings={f"{report.name}-{sheet.name}": list(_meanings(sheet)) for report in reports for sheet in report.sheets},
    )


def _drawing(report: ToldReport, sheet: ToldSheet, language: str) -> "Drawing | None":
    if sheet.plot is None:
        return None
    from nurture.reports.plots import drawn  # pygal is for those who draw; this module is for every web process

    about = common_words(language)["how_it_looks"].format(title=sheet.title)
    return drawn(sheet.plot, report.numerals, sheet.title, about, f"{report.name}-{sheet.name}")


def _meanings(sheet: ToldSheet) -> Iterator[tuple[str, str]]:
    """What the columns and the labels of a sheet mean, as far as that is said."""
    yield from ((column.title, column.meaning) for column in sheet.columns if column.meaning)
    labels = {cell.text: cell.meaning for row in sheet.rows for cell in row if cell.meaning}
    yield from labels.items()
