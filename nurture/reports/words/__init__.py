"""What reports say in words, in each language: one YAML file a report in `words/<language>/`.

What a language does not say yet is said in English.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from nurture.definitions.document import read
from nurture.reports.sheet import Report

#: The first is what stands in for words that another does not have.
LANGUAGES: Final = ("en", "fr")

#: The file of what every report says, whatever it is about.
COMMON: Final = "common"


class _Words(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SheetWords(_Words):
    """What a sheet is called, and what it answers."""

    title: str
    about: str = ""


class ReportWords(_Words):
    """What a report says. All but the title is found by the code of what it is about.

    Names of `columns` are shared by all sheets, `labels` are words that stand in rows, and `meanings` say what a column or a label is.
    `remarks` hold values in braces: `{n}`, or `{rate:share}` where the kind of figure does not follow from the value.
    """

    title: str
    about: str = ""
    sheets: Mapping[str, SheetWords] = {}
    columns: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}
    meanings: Mapping[str, str] = {}
    remarks: Mapping[str, str] = {}


def language_like(wanted: str) -> str:
    """The language of ours that a tag asks for, such as `fr` for `fr-CA` and `fr_FR.UTF-8`; else the first."""
    language = wanted.lower().replace("_", "-").partition("-")[0].partition(".")[0]
    return language if language in LANGUAGES else LANGUAGES[0]


@cache
def words_of(report: str, language: str) -> ReportWords:
    """The words of a report; raises LookupError if it has none in any language."""
    return ReportWords.model_validate(_above(written(report, LANGUAGES[0]), written(report, language)))


def words_in(report: Report, language: str) -> ReportWords:
    """The words of a report, and those that it brings itself because the customer wrote them."""
    words, brought = words_of(report.name, language), report.words.get(language) or report.words.get(LANGUAGES[0])
    if not brought:
        return words
    return words.model_copy(update={kind: {**getattr(words, kind), **said} for kind, said in brought.items()})


@cache
def common_words(language: str) -> Mapping[str, str]:
    """What every report says: headings and buttons, by code."""
    return {**written(COMMON, LANGUAGES[0]), **written(COMMON, language)}


@cache
def written(name: str, language: str) -> Mapping[str, Any]:
    """A file of words as it is written; empty where a language has none."""
    file = files(__name__) / language / f"{name}.yaml"
    if not file.is_file():
        if language == LANGUAGES[0]:
            raise LookupError(f"there are no words for the report {name!r}")
        return {}
    document, flaws = read(file.read_bytes())
    if document is None or flaws:
        raise LookupError(f"{language}/{name}.yaml cannot be read: {flaws}")
    found: Mapping[str, Any] = document.plain()
    return found


def _above(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both, the second where both say something."""
    return {
        name: _above(below.get(name, {}), above.get(name, {}))
        if isinstance(below.get(name), Mapping)
        else above.get(name, below.get(name))
        for name in {**below, **above}
    }
