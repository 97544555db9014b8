"""`nurture check` finds mistakes in e-mails before anybody gets one."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from nurture.adapters.mail.check import Problem, template_problems
from nurture.definitions.loader import load
from nurture.domain.definitions import Definitions
from tests.adapters.mail.letters import TEMPLATES, definitions
from tests.support.sequences import definitions_with

FRONT = '---\nsubject: "S"\n---\n'


def sending(*emails: str, **policy: Any) -> Definitions:
    """Definitions with one sequence that sends these e-mails."""
    sequence = {
        "sequence": "guide-nurture",
        "trigger": {"promoted_to": "lead"},
        "steps": [{"id": f"step{index}", "email": email} for index, email in enumerate(emails or ("case-study",))],
    }
    return definitions(**policy).model_copy(update={"sequences": Definitions.model_validate({
        **definitions(**policy).model_dump(by_alias=True), "sequences": {"guide-nurture": sequence},
    }).sequences})  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the repository's layouts and of two of its e-mails."""
    for name in ("_layouts", "case-study", "checklist"):
        shutil.copytree(TEMPLATES / name, tmp_path / "emails" / name)
    return tmp_path / "emails"


def only(folder: Path, definitions: Definitions) -> tuple[str, int, str]:
    """The one problem there is, its path relative to the folder."""
    (problem,) = template_problems(folder, definitions)
    return str(Path(problem.path).relative_to(folder)), problem.line, problem.what


def test_the_emails_of_the_repository_have_no_problem() -> None:
    example = load(TEMPLATES.parents[1] / "config").definitions
    assert example
    assert template_problems(TEMPLATES, example) == []


def test_an_email_that_nobody_wrote(folder: Path) -> None:
    assert template_problems(folder, sending("case-studdy", "webinar")) == [
        Problem("case-studdy", 1, "nobody wrote the e-mail 'case-studdy'; did you mean 'case-study'?"),
        Problem("webinar", 1, "nobody wrote the e-mail 'webinar'; write webinar/en.md in the folder of the e-mail templates"),
    ]


def test_an_email_that_a_variant_or_a_pool_names_and_nobody_wrote(folder: Path) -> None:
    steps = [
        {"id": "a", "email": "case-study", "variants": {"x": {}, "y": {"email": "case-studdy"}}},
        {"id": "b", "pool": "evergreen"},
    ]
    made = definitions_with(
        {"sequence": "s", "trigger": "manual", "steps": steps},
        pools={"evergreen": [{"email": "checklist"}, {"email": "webinar"}]},
    )
    assert [problem.path for problem in template_problems(folder, made)] == ["case-studdy", "webinar"]


def test_an_email_without_the_default_language(folder: Path) -> None:
    (folder / "case-study" / "en.md").unlink()
    assert only(folder, sending()) == (
        "case-study/en.md",
        1,
        "'case-study' exists in fr only; write it in en, the default language, too",
    )
    assert template_problems(folder, sending(default_language="fr-CA")) == []


@pytest.mark.parametrize(
    ("source", "line", "what"),
    [
        (FRONT + "a\n\n{{ persn.first_name }}", 6, "there is no variable 'persn'; did you mean 'person'?"),
        (FRONT + "- {{ person.anything }}\n- {{ sender.adress }}", 5, "there is no 'adress' there; write"),
        (FRONT + "[x]({{ links.unsubscrib }})", 4, "there is no 'unsubscrib' there; did you mean 'unsubscribe'?"),
        (FRONT + '\n{{ asset("guide-lead-gn").url }}', 5, "there is no asset 'guide-lead-gn'; did you mean 'guide-lead-gen'?"),
        (FRONT + "{{ link(person.website) }}", 4, "there is no variable 'link'; did you mean 'links'?"),
        (FRONT + '{{ asset("guide-lead-gen").link }}', 4, "there is no 'link' there"),
        (FRONT + "a\n{% if person.x %}", 5, "Unexpected end of template"),
        (FRONT + "{{ 1 + }}", 4, "unexpected 'end of print statement'"),
        (FRONT + "{{ person.x | titlecase }}", 4, "No filter named 'titlecase'"),
        (FRONT + '{% include "_layouts/nothing.html" %}', 4, "there is no template '_layouts/nothing.html'"),
        (FRONT + "\n\n[x](/pricing)", 6, "the link '/pricing' leads nowhere from a mail"),
        ("Hello", 1, "the subject is empty"),
        ('---\npreheader: p\nsubject: ""\n---\nHello', 3, "the subject is empty"),
        ("---\nsubject: S\npreheadr: p\n---\nHello", 3, "the front matter has no 'preheadr'; did you mean 'preheader'?"),
        ('---\nsubject: "{{ nme }}"\n---\nHello', 2, "there is no variable 'nme'"),
        ('---\nsubject: S\npreheader: "{{ 1 + }}"\n---\nHello', 3, "unexpected 'end of print statement'"),
        ("---\nsubject: [\n---\nHello", 3, "the front matter is no YAML"),
    ],
)
def test_a_mistake_is_found_with_its_line_and_said_once(folder: Path, source: str, line: int, what: str) -> None:
    (folder / "case-study" / "en.md").write_text(source)
    path, found_line, found = only(folder, sending())
    assert (path, found_line) == ("case-study/en.md", line)
    assert what in found
    assert "; " in found


def test_all_mistakes_are_found_at_once(folder: Path) -> None:
    (folder / "case-study" / "en.md").write_text(FRONT + "{{ a }}\n\n{{ b }}")
    (folder / "checklist" / "fr.md").write_text("{{ c }}")
    (folder / "_layouts" / "base.txt").write_text("{{ d }}")
    problems = template_problems(folder, sending())
    assert [(Path(problem.path).name, problem.line) for problem in problems] == [
        ("base.txt", 1),
        ("en.md", 4),
        ("en.md", 6),
        ("fr.md", 1),
        ("fr.md", 1),
    ]


def test_names_that_a_template_makes_itself_are_known(folder: Path) -> None:
    (folder / "case-study" / "en.md").write_text(
        FRONT
        + "{% set x = 1 %}{{ x }}{% for y in range(3) %}{{ loop.index }}{{ y }}{% endfor %}{% macro m(z) %}{{ z }}{% endmacro %}{{ m(1) }}"
    )
    assert template_problems(folder, sending()) == []


def test_own_designs(folder: Path) -> None:
    here = folder / "case-study"
    (here / "de.html").write_text(FRONT + "<p>{{ nobody }}</p>\n<a href='{{ links.unsubscribe }}'>x</a>")
    (here / "it.txt").write_text("x")
    (here / "fr.html").write_text(FRONT + '{% extends "_layouts/base.html" %}')
    (here / "fr.txt").write_text("no link")
    (here / "notes.md").write_text(FRONT + "x")
    found = [
        (Path(problem.path).name, problem.line, problem.what.partition(";")[0])
        for problem in template_problems(folder, sending())
    ]
    assert found == [
        ("de.html", 1, "there is no text part"),
        ("de.html", 4, "there is no variable 'nobody'"),
        ("fr.md", 1, "fr.html takes the place of this file"),
        ("fr.txt", 1, "there is no unsubscribe link"),
        ("it.txt", 1, "without it.html beside it this file is never read"),
        ("notes.md", 1, "'notes' is no language"),
    ]


def test_a_file_that_is_not_in_utf_8(folder: Path) -> None:
    (folder / "case-study" / "en.md").write_bytes(b"\xe9")
    assert only(folder, sending()) == ("case-study/en.md", 1, "the file is not in UTF-8; save it as UTF-8")


def test_a_missing_layout_and_a_missing_folder(tmp_path: Path, folder: Path) -> None:
    (folder / "_layouts" / "base.txt").unlink()
    assert Problem(
        folder / "_layouts" / "base.txt", 1, "this layout is missing; e-mails in Markdown are written into it"
    ) in template_problems(folder, sending())
    assert len(template_problems(tmp_path / "nowhere", sending())) == 3


def with_variants(variants: dict[str, Any]) -> Definitions:
    sequence = {
        "sequence": "guide-nurture",
        "trigger": {"promoted_to": "lead"},
        "steps": [{"id": "case", "email": "case-study", "variants": variants}, {"id": "more", "pool": "cases"}],
    }
    pools = {"cases": [{"email": "checklist"}, {"email": "checklists"}]}
    plain = definitions().model_dump(by_alias=True)
    return Definitions.model_validate({**plain, "sequences": {"guide-nurture": sequence}, "pools": pools})


def test_variants_and_pools_are_looked_at(folder: Path) -> None:
    variants = {
        "good": {"subject": "{{ person.first_name | default('You') }}", "preheader": "{{ subject }}"},
        "bad": {"subject": "{{ persn.first_name }}", "preheader": "{{ person.first_name"},
        "other": {"email": "checklsit"},
    }
    found = {problem.path: problem.what for problem in template_problems(folder, with_variants(variants))}
    assert found["guide-nurture/case/bad:subject"] == "there is no variable 'persn'; did you mean 'person'?"
    assert found["guide-nurture/case/bad:preheader"].endswith("; correct the template")
    assert found["checklsit"] == "nobody wrote the e-mail 'checklsit'; did you mean 'checklist'?"
    assert found["checklists"] == "nobody wrote the e-mail 'checklists'; did you mean 'checklist'?"
    assert len(found) == 4
