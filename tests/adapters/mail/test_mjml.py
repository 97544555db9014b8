"""Mails in MJML: a designer's source, beside its text part, with the same links and the same care as any."""

import builtins
import re
from pathlib import Path
from typing import Any

import pytest

from nurture.adapters.mail.check import template_problems
from nurture.errors import SettingsError, TemplateError
from nurture.ports import Written
from tests.adapters.mail.checklist import page
from tests.adapters.mail.letters import AT, PUBLIC_URL, TEMPLATES, TOKENS, definitions, letter, parts, writer

FRONT = '---\nsubject: "S"\npreheader: "What mail programs show beside the subject"\n---\n'
DESIGN = """\
<mjml lang="{{ language }}">
  <mj-head><mj-title>{{ subject }}</mj-title><mj-preview>{{ preheader }}</mj-preview></mj-head>
  <mj-body>
    <mj-section><mj-column>
      <mj-text font-family="Roboto">Hello {{ person.first_name | default("you") }},
        {% if person.company is defined and 1 < 2 %}<b>{{ person.company }}</b>{% endif %}
        <a href="https://www.example.com/?a=1&amp;b={{ person.company | default('') }}">read</a></mj-text>
      <mj-button href="https://www.example.com/demo">A demo</mj-button>
      <mj-text><a href="{{ links.unsubscribe }}">No more</a></mj-text>
    </mj-column></mj-section>
  </mj-body>
</mjml>
"""
TEXT = "Hello {{ person.first_name | default('you') }}\nhttps://www.example.com/demo\n{{ links.unsubscribe }}\n"


def folder_with(folder: Path, design: str = DESIGN, **more: str) -> Path:
    (folder / "_layouts").symlink_to(TEMPLATES / "_layouts")
    (folder / "m").mkdir()
    for name, text in {"fr.mjml": FRONT + design, "fr.txt": TEXT, **more}.items():
        (folder / "m" / name).write_text(text, encoding="utf-8")
    return folder


def write(folder: Path, **facts: Any) -> Written:
    return writer(folder).write(letter("m", language="fr", **facts), definitions(), AT)


def problems(folder: Path) -> list[tuple[str, int, str]]:
    found = template_problems(folder, definitions(default_language="fr"))
    return [(Path(each.path).name, each.line, each.what) for each in found]


def test_a_design_becomes_html_with_the_readers_own_links(tmp_path: Path) -> None:
    text, html = parts(write(folder_with(tmp_path), first_name="<Zoé>", company="A & B"))
    found = page(html)
    assert found.all("html")[0]["lang"] == "fr"
    assert ("Hello <Zoé>," in found.visible, "A & B" in found.visible) == (True, True)
    assert "Hello <Zoé>" in text
    targets = [TOKENS.read_click(token).target for token in re.findall(rf"{PUBLIC_URL}/c/([\w.-]+)", html)]
    assert targets == ["https://www.example.com/?a=1&b=A%20&%20B", "https://www.example.com/demo"]
    assert b'<meta charset="utf-8">' in html.encode()[:1024]
    assert "jinjaslot" not in html


def test_a_condition_that_does_not_hold_leaves_nothing(tmp_path: Path) -> None:
    _, html = parts(write(folder_with(tmp_path)))
    assert "<b>" not in html
    assert "Hello you," in page(html).visible


def test_a_condition_may_stand_around_a_section(tmp_path: Path) -> None:
    extra = (
        "{% if person.company is defined %}<mj-section><mj-column><mj-text>Extra</mj-text></mj-column></mj-section>{% endif %}"
    )
    folder = folder_with(tmp_path, DESIGN.replace("</mj-body>", f"{extra}</mj-body>"))
    assert "Extra" not in page(parts(write(folder))[1]).visible
    assert "Extra" in page(parts(write(folder, company="Acme"))[1]).visible


def test_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    _, html = parts(write(folder_with(tmp_path)))
    assert "fonts.googleapis" not in html
    assert page(html).all("link") == page(html).all("img") == []


def test_a_good_design_has_no_problem(tmp_path: Path) -> None:
    assert problems(folder_with(tmp_path)) == []


@pytest.mark.parametrize(
    ("right", "wrong", "line", "said"),
    [
        ('font-family="Roboto"', 'fnt="{{ language }}"', 9, "{{ language }} would be lost"),
        ("</mj-text>\n      <mj-button", "\n      <mj-button", 1, "this is no MJML"),
        ("person.first_name |", "persn.first_name |", 9, "there is no variable 'persn'"),
        ("https://www.example.com/demo", "/demo", 12, "the link '/demo' leads nowhere"),
        ("No more", "jinjaslot", 1, "the word 'jinjaslot' cannot stand in a mail"),
    ],
)
def test_each_mistake_is_named_at_its_place(tmp_path: Path, right: str, wrong: str, line: int, said: str) -> None:
    assert right in DESIGN
    ((file, found, what),) = problems(folder_with(tmp_path, DESIGN.replace(right, wrong, 1)))
    assert file == "fr.mjml"
    assert what.startswith(said)
    assert found == line


def test_a_design_needs_its_text_and_takes_the_place_of_markdown(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, **{"fr.md": FRONT + "Bonjour"})
    (folder / "m" / "fr.txt").unlink()
    assert problems(folder) == [
        ("fr.md", 1, "fr.mjml takes the place of this file; remove one of the two"),
        ("fr.mjml", 1, "there is no text part; write fr.txt with the same words and links"),
    ]


def test_a_mistake_met_when_a_mail_is_written_is_a_template_error(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"m/fr\.mjml:9: .*person\.job_title is not known"):
        write(folder_with(tmp_path, DESIGN.replace('person.first_name | default("you")', "person.job_title", 1)))


def test_without_its_package_mail_waits_and_the_check_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "mjml":
            raise ModuleNotFoundError(name=name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingsError, match=r"pip install 'nurture\[mjml\]'"):
        write(folder_with(tmp_path))
    assert [(file, line) for file, line, what in problems(tmp_path) if "pip install 'nurture[mjml]'" in what] == [("fr.mjml", 1)]
