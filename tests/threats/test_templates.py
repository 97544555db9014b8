"""What people typed is never read as a template, and who writes templates reads nothing but what mails are made of."""

from pathlib import Path

import pytest

from nurture.adapters.mail.templates import OFFERED, Templates
from nurture.errors import TemplateError
from tests.adapters.mail.letters import AT, definitions, letter, parsed, parts, writer
from tests.adapters.mail.test_writer import folder_with

SECRET = "hunter2-of-the-environment"
CONSTRUCTS = [
    "{{ 7919*7919 }}", "{% for i in range(9) %}x{% endfor %}", "{# gone #}", "{{ links.link }}", "{{ person.__class__ }}", "${7919*7919}",
    "<%= 7919*7919 %>", "#{7919*7919}", "{{'%s' % 5}}", "{%- set x = 5 -%}", "\ue000{{7919*7919}}\ue001", "{{", "}}", "{%",
]  # fmt: skip

#: Ways out of Jinja2's sandbox, as collected by PayloadsAllTheThings and HackTricks.
ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ asset.__globals__ }}", "{{ asset.__closure__ }}", "{{ asset.__code__ }}",
    "{{ confirm.__globals__ }}", "{{ links.__class__.__init__.__globals__ }}", "{{ links._replace.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.environ }}", "{{ lipsum.__globals__['os'].environ }}", "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}", "{{ self._TemplateReference__context }}", "{{ self.__init__.__globals__ }}",
    "{{ person._facts }}", "{{ person.__init__.__globals__ }}", "{{ person['__class__'] }}", "{{ person|attr('__class__') }}",
    "{{ '{0.__class__.__mro__}'.format(person) }}", "{{ '{p.__init__.__globals__}'.format_map({'p': person}) }}",
    "{{ sender.__class__ }}", "{{ sender.model_dump.__func__.__globals__ }}", "{{ organisation.__dict__ }}",
    "{{ _link.__self__ }}", "{{ config }}", "{{ settings }}", "{{ environ }}", "{{ os }}", "{{ request }}", "{{ get_flashed_messages }}",
    "{{ url_for }}", "{{ self.__module__ }}", "{% set x = [] %}{{ x.append(1) }}", "{% import 'os' as os %}{{ os.environ }}",
    "{{ [asset]|map(attribute='__globals__')|list }}", "{{ [asset]|map('attr', '__globals__')|list }}", "{{ loop }}",
]  # fmt: skip


@pytest.mark.parametrize("typed", CONSTRUCTS)
def test_what_people_typed_stays_text(tmp_path: Path, typed: str) -> None:
    """A first name that is a construct arrives as it was typed, in the subject, the HTML and the text."""
    source = '---\nsubject: "For {{ person.first_name }}!"\n---\nDear {{ person.first_name }}, [x](https://www.example.com/?n={{ person.first_name }})\n'
    written = writer(folder_with(tmp_path, en_md=source)).write(letter("m", first_name=typed), definitions(), AT)
    text, html = parts(written)
    for part in (text, html, parsed(written)["Subject"]):
        assert "62710561" not in part
        assert "xxxxxxxxx" not in part
    assert parsed(written)["Subject"] == f"For {' '.join(typed.split())}!"
    assert f"Dear {' '.join(typed.split())}" in text


@pytest.mark.parametrize("escape", ESCAPES)
def test_no_template_reads_what_is_not_its_own(tmp_path: Path, escape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NURTURE_SECRET_KEY", SECRET)
    the_writer = writer(folder_with(tmp_path, en_md=f'---\nsubject: "S"\n---\nDear {escape}!\n'))
    told: tuple[str, ...]
    try:
        told = parts(the_writer.write(letter("m", first_name="Ada"), definitions(), AT))
    except TemplateError as error:
        told = (str(error).partition(": ")[2].replace(escape, ""),)
    for each in told:
        assert SECRET not in each
        assert not any(word in each for word in ("environ({", "built-in", "<class", "&lt;class", "<module", "&lt;module"))


def test_a_template_is_given_what_is_listed_and_nothing_of_the_installation() -> None:
    assert {"person", "sender", "organisation", "asset", "confirm", "links", "language", "subject", "preheader"} == OFFERED
    known = set(Templates(Path("nowhere")).environment.globals)
    assert known == {"range", "dict", "lipsum", "cycler", "joiner", "namespace"}


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "/proc/self/environ", "../secret.md", "../../secret.md", "m/../../secret.md", "./../secret.md", "//etc/passwd",
        "secret.md\\x00.html", "..%2fsecret.md", "file:///etc/passwd", "m/%2e%2e/%2e%2e/secret.md", "{absolute}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("statement", ["{{% include '{}' %}}", "{{% extends '{}' %}}", "{{% import '{}' as x %}}{{{{ x }}}}"])
def test_no_file_outside_the_folder_is_read(tmp_path: Path, path: str, statement: str) -> None:
    (tmp_path / "secret.md").write_text(SECRET)
    (tmp_path / "emails").mkdir()
    folder = folder_with(tmp_path / "emails", en_md="---\nsubject: S\n---\nHello\n")
    templates = Templates(folder)
    with pytest.raises(TemplateError, match="there is no template"):
        templates.render_line(statement.format(path.format(absolute=tmp_path / "secret.md")), {})


@pytest.mark.parametrize("include", ["/etc/passwd", "../secret.mjml", "secret.mjml", "file:///etc/passwd"])
def test_mjml_includes_nothing(tmp_path: Path, include: str) -> None:
    pytest.importorskip("mjml")
    (tmp_path / "secret.mjml").write_text(f"<mj-text>{SECRET} root:</mj-text>")
    (tmp_path / "emails").mkdir()
    design = f'<mjml><mj-body><mj-include path="{include}" /><mj-text><a href="{{{{ links.unsubscribe }}}}">u</a></mj-text></mj-body></mjml>'
    folder = folder_with(tmp_path / "emails", en_mjml=f"---\nsubject: S\n---\n{design}", en_txt="{{ links.unsubscribe }}")
    try:
        _, html = parts(writer(folder).write(letter("m"), definitions(), AT))
    except TemplateError as error:
        html = str(error)
    assert SECRET not in html
    assert "root:" not in html


@pytest.mark.parametrize(
    "bomb",
    [
        "{% for i in range(1000000000) %}x{% endfor %}", "{{ 'x' * 1000000000 }}", "{{ 1000000000 * ['x'] }}", "{{ 9 ** 9 ** 9 }}",
        "{{ '%1000000000d' % 1 }}", "{{ range(100001) | list }}",
    ],
)  # fmt: skip
def test_no_expression_takes_all_memory_or_time(bomb: str) -> None:
    with pytest.raises(TemplateError):
        Templates(Path("nowhere")).render_line(bomb, {})


def test_a_template_that_loops_all_the_same_is_ended_with_its_task() -> None:
    from workers.app import HARD_LIMIT, SOFT_LIMIT

    assert SOFT_LIMIT < HARD_LIMIT <= 120
