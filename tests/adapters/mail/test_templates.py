"""Which source a reader gets, when a change is seen, and where an error is said to be."""

import os
from pathlib import Path

import pytest

from nurture.adapters.mail.links import LINK
from nurture.adapters.mail.person import PersonFacts
from nurture.adapters.mail.templates import Choice, Templates, languages_to_try
from nurture.errors import TemplateError

FRONT = '---\nsubject: "S"\n---\n'


def write(folder: Path, **files: str) -> Templates:
    """Files by name: `m/en.md` is written `m__en_md`; with a bare layout."""
    for name, text in {
        "_layouts/base.html": "{% block body %}{% endblock %}",
        "_layouts/base.txt": "{% block body %}{% endblock %}",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for name, text in files.items():
        folder_name, _, file = name.partition("__")
        stem, _, suffix = file.rpartition("_")
        path = folder / folder_name / f"{stem.replace('_', '-')}.{suffix}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Templates(folder)


def error(templates: Templates, template: str, **context: object) -> str:
    with pytest.raises(TemplateError) as caught:
        templates.render(template, {"person": PersonFacts({}), LINK: str, **context})
    return str(caught.value)


@pytest.mark.parametrize(
    ("wanted", "tried"),
    [
        (("fr-CA", "en"), ["fr-CA", "fr", "en"]),
        (("fr_ca", "en-GB"), ["fr-CA", "fr", "en-GB", "en"]),
        (("FR", "fr"), ["fr"]),
        (("", "en"), ["en"]),
        (("../../etc/passwd", "x" * 500, "en"), ["en"]),
        (("zh-Hant-TW", "en"), ["zh", "en"]),
    ],
)
def test_the_languages_that_are_tried(wanted: tuple[str, ...], tried: list[str]) -> None:
    assert languages_to_try(wanted) == tried


def test_the_language_falls_back_from_region_to_language_to_default_to_any(tmp_path: Path) -> None:
    templates = write(tmp_path, m__fr_md=FRONT, m__en_md=FRONT, m__fr_CA_md=FRONT, only__de_md=FRONT)
    assert templates.choose("m", ["fr-CA", "en"]) == Choice("m/fr-CA.md", "fr-CA")
    assert templates.choose("m", ["fr-BE", "en"]) == Choice("m/fr.md", "fr")
    assert templates.choose("m", ["it", "en"]) == Choice("m/en.md", "en")
    assert templates.choose("only", ["it", "en"]) == Choice("only/de.md", "de")


def test_an_email_that_nobody_wrote_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no e-mail 'm'"):
        write(tmp_path).choose("m", ["en"])


def test_html_with_text_beside_it_takes_the_place_of_markdown(tmp_path: Path) -> None:
    templates = write(tmp_path, m__en_md=FRONT, m__en_html=FRONT + "<p>{{ x }}</p>", m__en_txt="{{ x }}")
    choice = templates.choose("m", ["en"])
    assert choice == Choice("m/en.html", "en")
    assert templates.render(choice.part("subject"), {}) == "S"
    assert templates.render(choice.part("html"), {"x": "<&>"}).strip() == "<p>&lt;&amp;&gt;</p>"
    assert templates.render(choice.part("text"), {"x": "<&>"}) == "<&>"


def test_links_of_own_designs_are_routed_too_and_only_links(tmp_path: Path) -> None:
    html = '<link href="x.css"><a class="a" href=\'https://a.example/?a=1&amp;b={{ "c" }}\'>a</a><a title="href=" href="{{ url }}">b</a>'
    templates = write(tmp_path, m__en_html=FRONT + html, m__en_txt="Go to https://a.example/x. (https://b.example), {{ url }}")
    context = {LINK: lambda address: f"@{address}", "url": "https://u.example"}
    assert templates.render("m/en.html:html", context).strip() == (
        '<link href="x.css"><a class="a" href="@https://a.example/?a=1&amp;b=c">a</a><a title="href=" href="@https://u.example">b</a>'
    )
    assert templates.render("m/en.txt:text", context) == "Go to @https://a.example/x. (@https://b.example), https://u.example"


def test_a_changed_file_or_layout_is_seen(tmp_path: Path) -> None:
    templates = write(tmp_path, m__en_md=FRONT + "one")
    assert templates.render("m/en.md:text", {}).strip() == "one"
    (tmp_path / "m" / "en.md").write_text(FRONT + "two, longer")
    assert templates.render("m/en.md:text", {}).strip() == "two, longer"
    layout = tmp_path / "_layouts" / "base.txt"
    layout.write_text("<{% block body %}{% endblock %}>")
    os.utime(layout, ns=(1, 1))
    assert templates.render("m/en.md:text", {}) == "<\ntwo, longer>"


def test_a_missing_attribute_is_named_with_its_line_and_the_remedy(tmp_path: Path) -> None:
    templates = write(tmp_path, m__en_md=FRONT + "A\nparagraph\n\n- item\n- {{ person.first_name }}\n")
    assert error(templates, "m/en.md:html") == (
        'm/en.md:8: person.first_name is not known of this person; give a default: {{ person.first_name | default("…") }}'
    )


@pytest.mark.parametrize("part", ["html", "text"])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("a\n\n{{ nobody }}", "m/en.md:6: 'nobody' is undefined"),
        ("a\n\n{{ 1 / 0 }}", "m/en.md:6: ZeroDivisionError"),
        ("a\n\n{{ 1 + }}", "m/en.md:6: unexpected 'end of print statement'"),
        ("a\n\n{{ x | nofilter }}", "m/en.md:6: No filter named 'nofilter'"),
        ("a\n\n{{ x | safe }}", "m/en.md:6: No filter named 'safe'"),
        ("a\n\n{% if x %}\n\nb", "m/en.md:6: Unexpected end of template"),
        ('{% include "nowhere.html" %}', "m/en.md:4: there is no template nowhere.html"),
        ("{{ person.__class__ }}", "m/en.md:4: person.__class__ is not known"),
        ('{{ "".__class__.__mro__ }}', "m/en.md:4: access to attribute '__class__'"),
        ("[x]( /y )", "m/en.md:4: the link '/y' leads nowhere"),
    ],
)
def test_every_mistake_has_its_file_and_line(tmp_path: Path, body: str, said: str, part: str) -> None:
    assert error(write(tmp_path, m__en_md=FRONT + body), f"m/en.md:{part}", x=1).startswith(said)


def test_a_mistake_in_a_layout_names_the_layout(tmp_path: Path) -> None:
    templates = write(tmp_path, m__en_md=FRONT + "a")
    (tmp_path / "_layouts" / "base.html").write_text("\n\n{{ nobody }}{% block body %}{% endblock %}")
    assert error(templates, "m/en.md:html") == "_layouts/base.html:3: 'nobody' is undefined"


def test_own_designs_keep_their_lines(tmp_path: Path) -> None:
    templates = write(tmp_path, m__en_html=FRONT + "<p>\n{{ nobody }}</p>", m__en_txt="a\nb {{ nobody }}")
    assert error(templates, "m/en.html:html").startswith("m/en.html:5:")
    assert error(templates, "m/en.txt:text").startswith("m/en.txt:2:")


@pytest.mark.parametrize(
    ("front", "said"),
    [
        ("---\nsubject: [\n---\n", "m/en.md:3: the front matter is no YAML"),
        ("---\nsubject: a\nsubject: b\n---\n", "m/en.md:3: the front matter is no YAML"),
        ("---\njust words\n---\n", "m/en.md:1: the front matter names nothing"),
        ("---\npreheader: p\nsubject: '{{ nobody }}'\n---\n", "m/en.md:3: 'nobody' is undefined"),
    ],
)
def test_front_matter_that_is_wrong_is_said_with_its_line(tmp_path: Path, front: str, said: str) -> None:
    assert error(write(tmp_path, m__en_md=front), "m/en.md:subject").startswith(said)


def test_a_file_that_is_not_in_utf_8_is_said_so(tmp_path: Path) -> None:
    templates = write(tmp_path, m__en_md=FRONT)
    (tmp_path / "m" / "en.md").write_bytes("é".encode("latin-1"))
    assert error(templates, "m/en.md:text") == "m/en.md:1: the file is not in UTF-8; save it as UTF-8"


def test_templates_stay_inside_their_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    templates = write(tmp_path / "emails", m__en_md=FRONT + '{% include "../secret.txt" %}')
    assert "there is no template ../secret.txt" in error(templates, "m/en.md:text")


def test_a_person_has_no_line_breaks_and_nothing_empty() -> None:
    facts = PersonFacts({"name": " a\r\nb\x00\u202ec ", "blank": "  ", "none": None, "number": 0})
    assert facts["name"] == "a b c"
    assert facts["number"] == 0
    for name in ("blank", "none", "unknown"):
        with pytest.raises(KeyError):
            facts[name]
