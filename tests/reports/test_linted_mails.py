"""The mails of the example, as `nurture check` looks at them: in every language and variant, for everybody."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from nurture.adapters.mail.templates import Templates
from nurture.definitions.loader import Loaded, load
from nurture.reports.linted_mails import PEOPLE, letters, mistakes_in_mails
from nurture.settings import Settings

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
EXAMPLE = load(ROOT / "config")


def settings(public_url: str = "https://news.example.com", templates: Path = ROOT / "templates" / "emails") -> Settings:
    return Settings(config_dir=ROOT / "config", templates_dir=templates, public_url=public_url)


@pytest.mark.parametrize(
    "public_url", ["https://news.example.com", "http://localhost:8000", "http://192.168.1.7:8000", "http://nurture.test"]
)
def test_every_mail_of_the_example_is_clean(public_url: str) -> None:
    assert EXAMPLE.definitions is not None
    assert mistakes_in_mails(settings(public_url), EXAMPLE, AT) == []


def test_every_mail_goes_to_everybody_in_every_language_and_variant() -> None:
    definitions = EXAMPLE.definitions
    assert definitions is not None
    written = {
        (letter.template, letter.facts["language"], who)
        for who, letter in letters(Templates(settings().templates_dir), definitions)
    }
    named = {*definitions.emails()}
    assert written == {(email, language, who) for email in named for language in ("en", "fr") for who in PEOPLE}
    assert ("case-study-figures", "fr", "somebody with accents") in written, "a variant"


@pytest.mark.parametrize(
    ("public_url", "said"),
    [
        ("http://news.example.com", {"H6", "B6"}),
        ("https://elsewhere.example", {"B13"}),
        ("https://93.184.216.34", {"B6", "B13"}),
    ],
)
def test_where_links_lead_is_told_once_of_the_policy(public_url: str, said: set[str]) -> None:
    mistakes = mistakes_in_mails(settings(public_url), EXAMPLE, AT)
    assert {mistake.what.partition(":")[0] for mistake in mistakes} == said
    assert {mistake.file for mistake in mistakes} == {(ROOT / "config" / "sending.yaml").as_posix()}
    assert all(mistake.fix and mistake.severity == "error" for mistake in mistakes)


def test_wrong_definitions_are_told_first() -> None:
    assert mistakes_in_mails(settings(), Loaded(None, []), AT) == []


def test_mails_that_nobody_wrote_are_not_its_business(tmp_path: Path) -> None:
    assert mistakes_in_mails(settings(templates=tmp_path), EXAMPLE, AT) == []
