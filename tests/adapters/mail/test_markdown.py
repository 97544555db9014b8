"""Markdown becomes HTML and text; Jinja2 passes through it untouched."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from nurture.adapters.mail.links import LINK
from nurture.adapters.mail.templates import Templates
from nurture.errors import TemplateError

HTML_LAYOUT = "{% block body %}{% endblock %}"


def rendered(folder: Path, body: str, **context: Any) -> tuple[str, str]:
    """The HTML and the text of a mail's body, with a layout that adds nothing; the links show by an @ what passes through it."""
    (folder / "_layouts").mkdir(exist_ok=True)
    for kind in ("html", "txt"):
        (folder / "_layouts" / f"base.{kind}").write_text(HTML_LAYOUT)
    (folder / "m").mkdir(exist_ok=True)
    (folder / "m" / "en.md").write_text(dedent(body))
    templates = Templates(folder)
    context = {LINK: lambda address: f"@{address}", **context}
    html, text = (templates.render(f"m/en.md:{part}", context).strip() for part in ("html", "text"))
    return html, text


def test_paragraphs_headings_and_emphasis(tmp_path: Path) -> None:
    html, text = rendered(tmp_path, "## Title\n\nSome *fine* **words**\nand `code`.\n\n---\n\nBye,\\\nAda")
    assert html == (
        "<h2>Title</h2>\n<p>Some <em>fine</em> <strong>words</strong>\nand <code>code</code>.</p>\n<hr />\n<p>Bye,<br />\nAda</p>"
    )
    assert text == "Title\n\nSome fine words and code.\n\n* * *\n\nBye,\nAda"


def test_lists_nest_and_number(tmp_path: Path) -> None:
    _, text = rendered(tmp_path, "- a\n  - b\n  - c\n- d\n\n3. e\n4. f\n\n> quoted\n> again\n\n* loose\n\n  more\n\n* g")
    assert text == "- a\n  - b\n  - c\n- d\n\n3. e\n4. f\n\n> quoted again\n\n- loose\n\n  more\n\n- g"


def test_links_in_both_parts(tmp_path: Path) -> None:
    html, text = rendered(
        tmp_path, "See [the *page*](https://a.example/x?a=1&b=2) or <https://b.example>.\n\n[Alone](https://c.example)"
    )
    assert '<a href="@https://a.example/x?a=1&amp;b=2">the <em>page</em></a>' in html
    assert '<a href="@https://b.example">https://b.example</a>' in html
    assert text == "See the page (@https://a.example/x?a=1&b=2) or @https://b.example.\n\nAlone:\n@https://c.example"


def test_a_paragraph_of_one_bold_link_is_a_button(tmp_path: Path) -> None:
    html, text = rendered(tmp_path, "**[Ask for a demo?](https://a.example)**\n\n**[Not](https://b.example) one**")
    assert '<table role="presentation" class="button"' in html
    assert html.count("<table") == 1
    assert text == "Ask for a demo?\n@https://a.example\n\nNot (@https://b.example) one"


def test_html_in_markdown_is_text(tmp_path: Path) -> None:
    html, _ = rendered(tmp_path, "<script>x</script> & <b>bold</b>")
    assert html == "<p>&lt;script&gt;x&lt;/script&gt; &amp; &lt;b&gt;bold&lt;/b&gt;</p>"


def test_values_are_never_read_as_markdown_html_or_jinja(tmp_path: Path) -> None:
    typed = "*a* [x](http://evil) <b> {{ 7 * 7 }} & \"'"
    html, text = rendered(tmp_path, "**{{ value }}**", value=typed)
    assert html == "<p><strong>*a* [x](http://evil) &lt;b&gt; {{ 7 * 7 }} &amp; &#34;&#39;</strong></p>"
    assert text == typed


def test_statements_on_their_own_lines_stand_between_blocks(tmp_path: Path) -> None:
    body = "One\n{% if yes %}\ntwo\n{% else %}\nthree\n{% endif %}\n\n{% for n in numbers %}\n- {{ n }}\n{% endfor %}"
    html, text = rendered(tmp_path, body, yes=True, numbers=[1, 2])
    assert [line for line in html.splitlines() if line] == [
        "<p>One</p>", "<p>two</p>", "<ul>", "<li>1</li>", "</ul>", "<ul>", "<li>2</li>", "</ul>",
    ]  # fmt: skip
    assert text.split() == ["One", "two", "-", "1", "-", "2"]


def test_statements_inside_a_sentence_and_strings_that_look_like_ends(tmp_path: Path) -> None:
    html, text = rendered(tmp_path, 'A{% if yes %} **b**{% endif %} {{ "}}" }}{# no #} {% raw %}{{ raw }}{% endraw %}', yes=True)
    assert html == "<p>A <strong>b</strong> }} {{ raw }}</p>"
    assert text == "A b }} {{ raw }}"


def test_expressions_inside_an_address(tmp_path: Path) -> None:
    html, text = rendered(
        tmp_path,
        '[x](https://a.example/{{ "b" | upper }}?n={{ person.n }}) [y]({{ page }})',
        person={"n": "é&"},
        page="https://p.example",
    )
    assert 'href="@https://a.example/B?n=é&amp;"' in html
    assert 'href="@https://p.example"' in html
    assert "(@https://a.example/B?n=é&)" in text


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("\n[x](/pricing)", "m/en.md:2: the link '/pricing' leads nowhere"),
        ("[x](javascript:alert(1))", "leads nowhere"),
        ("[x](www.example.com)", "leads nowhere"),
        ("[x]({{ person.website }})", "must not depend on a person"),
        ("[x](https://{{ person.host }}/a)", "must not depend on a person"),
        ("[x](https://a.example/{% if x %}b{% endif %})", "no {% … %}"),
        ("![](https://a.example/i.png)", "alternative text"),
        ("![a](http://a.example/i.png)", "https://"),
    ],
)
def test_addresses_that_would_not_work_are_refused(tmp_path: Path, body: str, said: str) -> None:
    with pytest.raises(TemplateError) as caught:
        rendered(tmp_path, body, x=1, person={"website": "https://x", "host": "x"})
    assert said in str(caught.value)


def test_an_image_says_what_it_shows(tmp_path: Path) -> None:
    html, text = rendered(tmp_path, "![A chart](https://a.example/i.png)")
    assert html == '<p><img src="https://a.example/i.png" alt="A chart" /></p>'
    assert text == "[A chart]"
