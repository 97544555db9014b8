"""The page of a sequence: whole, well-formed, and harmless whatever stands in the definitions."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from nurture.adapters.mail.templates import Templates
from nurture.adapters.mail.writer import MailWriter
from nurture.adapters.tokens import Tokens
from nurture.definitions.loader import load
from nurture.domain.definitions import Definitions
from nurture.domain.sequence import Sequence
from nurture.reports.preview_page import preview_page
from nurture.reports.sample_mails import SampleMail, mistakes, sample_mails
from nurture.reports.standing import AtStep, Ended, Headcount
from tests.support.definitions import DEFINITIONS, definitions
from tests.support.every_kind import EVERY_KIND, POOLS, SCRIPT

ROOT = Path(__file__).parents[2]
EMAILS = ROOT / "templates" / "emails"
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

_VOID = {"meta", "br", "img", "link", "hr", "col", "input", "wbr"}


class Page(HTMLParser):
    """A page read strictly: every element that opens closes, in the right order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute stands twice in <{tag}>"
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += f"{data} "

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def example() -> Definitions:
    found = load(ROOT / "config").definitions
    assert found is not None
    return found


def mails(name: str, of: Definitions, language: str | None = None, folder: Path = EMAILS) -> tuple[SampleMail, ...]:
    writer = MailWriter(folder, "https://nurture.example.com", Tokens("secret"))
    return tuple(sample_mails(of.sequences[name], of, Templates(folder), writer, AT, language))


def page(name: str, of: Definitions, people: Headcount | str = "there is no database", **given: Any) -> str:
    return preview_page(of.sequences[name], of, mails(name, of, **given), people)


def every_kind() -> Definitions:
    return definitions(
        sequences=DEFINITIONS["sequences"] | {"every-kind": EVERY_KIND}, pools=POOLS, assets=example().assets, forms={}
    )


@pytest.mark.parametrize("name", sorted(example().sequences))
def test_the_example_is_shown_with_every_mail_in_every_language(name: str) -> None:
    shown = Page(page(name, example()))
    frames, found = shown.all("iframe"), mails(name, example())
    sequence, pools = example().sequences[name], example().pools
    named = {email for step in sequence.emails() for email in step.emails()}
    named |= {piece.email for step in sequence.pools() for piece in pools[step.pool]}
    assert {mail.email for mail in found} == named
    assert len(frames) == sum(len(mail.samples) for mail in found)
    for mail in found:
        languages = [choice.language for choice in Templates(EMAILS).sources(mail.email)]
        assert [sample.language for sample in mail.samples] == languages == ["en", "fr"]
        for sample in mail.samples:
            assert {sample.html} <= {frame["srcdoc"] for frame in frames}
            assert sample.subject in shown.words
            assert sample.preheader in shown.words
            assert sample.text in shown.words
    assert "there is no database" in shown.words


def test_every_variant_and_every_piece_of_a_pool_is_shown() -> None:
    found = mails("every-kind", every_kind())
    assert [(mail.step, mail.email, mail.variant) for mail in found] == [
        ("hello", "case-study", "plain"),
        ("hello", "checklist", "bold"),
        ("again", "case-study-reminder", None),
        ("read", "case-study", None),
        ("read", "webinar-invite", None),
        ("parting", "last-word", None),
    ]
    plain, bold = found[:2]
    assert {(sample.subject, sample.preheader) for sample in plain.samples} == {("Plain words for Camille", "Nothing else")}
    assert "Plain words for Camille" in plain.samples[0].html
    assert "Plain words" not in bold.samples[0].subject
    shown = Page(page("every-kind", every_kind()))
    assert len(shown.all("iframe")) == 12
    assert "variant plain" in shown.words


def test_one_language_is_enough() -> None:
    found = mails("guide-nurture", example(), language="fr-CA")
    assert {sample.language for mail in found for sample in mail.samples} == {"fr"}


def test_every_value_is_escaped() -> None:
    text = page("every-kind", every_kind())
    shown = Page(text)
    assert shown.all("script") == []
    assert SCRIPT not in text
    assert SCRIPT in "".join(shown.words.split("\n"))


def test_what_people_did_is_escaped_too() -> None:
    people = Headcount(steps={"<b>old</b>": AtStep(waiting=1)}, ended=(Ended(status="exited", reason=SCRIPT, runs=2),))
    text = page("every-kind", every_kind(), people)
    assert SCRIPT not in text
    assert "<b>old</b>" not in text


def test_nothing_is_loaded_from_anywhere() -> None:
    shown = Page(page("every-kind", every_kind()))
    for tag, attributes in shown.elements:
        for name in ("src", "href", "xlink:href", "data", "action", "poster"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
    [policy] = [each["content"] for each in shown.all("meta") if each.get("http-equiv") == "content-security-policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert all("sandbox" in frame and not frame["sandbox"] for frame in shown.all("iframe"))


def test_links_within_the_page_lead_somewhere_and_names_are_used_once() -> None:
    shown = Page(page("every-kind", every_kind()))
    ids = [attributes["id"] for _, attributes in shown.elements if "id" in attributes]
    assert len(ids) == len({*ids})
    assert {(link["href"] or "").removeprefix("#") for link in shown.all("a")} <= {*ids}
    assert all(
        {*(label or "").split()} <= {*ids} for _, attributes in shown.elements if (label := attributes.get("aria-labelledby"))
    )


def test_people_stand_on_the_boxes() -> None:
    people = Headcount(
        steps={"hello": AtStep(active=2), "interest": AtStep(waiting=1_200, paused=3), "gone": AtStep(waiting=7)},
        ended=(
            Ended(status="completed", reason="end", runs=40),
            Ended(status="completed", reason="goal: demo_requested", runs=30),
            Ended(status="exited", reason="unsubscribed", runs=4),
            Ended(status="exited", reason="stage: customer", runs=5),
        ),
    )  # fmt: skip
    words = " ".join(Page(page("every-kind", every_kind(), people)).words.split())
    for said in ("1,203 here", "1200 waiting, 0 due, 3 held", "2 here", "40 so far", "30 so far", "9 so far"):
        assert said in words
    assert "1,212 people on it" in words
    assert "At steps that this version does not have: 7 people at gone." in words
    assert "unsubscribed 4" in words


def test_a_mail_that_cannot_be_rendered_is_shown_as_such(tmp_path: Path) -> None:
    (tmp_path / "case-study").mkdir()
    (tmp_path / "case-study" / "en.md").write_text("---\nsubject: Hello\n---\n\nHello {{ person.shoe_size }}\n")
    (tmp_path / "_layouts").symlink_to(EMAILS / "_layouts")
    of = every_kind()
    found = mails("every-kind", of, folder=tmp_path)
    told = [*mistakes(found)]
    assert any("case-study/en.md:5" in mistake and "shoe_size" in mistake for mistake in told)
    assert any("there is no e-mail 'last-word'" in mistake for mistake in told)
    assert len(told) == len({*told})
    words = Page(preview_page(of.sequences["every-kind"], of, found, "no database")).words
    assert "shoe_size" in words


def test_a_variant_whose_subject_cannot_be_rendered_is_told_by_its_words() -> None:
    variants = {"a": {"subject": "Size {{ person.shoe_size }}"}, "b": {}}
    steps = [{"id": "hello", "email": "case-study", "variants": variants}]
    of = every_kind().model_copy(
        update={"sequences": {"s": Sequence.model_validate(EVERY_KIND | {"sequence": "s", "steps": steps})}}
    )
    [told] = mistakes(mails("s", of))
    assert told.startswith("'Size {{ person.shoe_size }}': person.shoe_size is not known")


def test_a_sequence_without_mail_has_a_page() -> None:
    only_waits = {"sequence": "waits", "trigger": "manual", "steps": [{"wait": "1d"}]}
    assert "This sequence sends no mail." in Page(page("waits", definitions(sequences={"waits": only_waits}))).words


def test_the_same_definitions_give_the_same_page() -> None:
    assert page("guide-nurture", example()) == page("guide-nurture", example())
