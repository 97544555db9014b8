"""Every kind of mistake, where it is reported and in which words."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.definitions.document import read
from nurture.definitions.loader import load
from nurture.definitions.mistakes import Mistake
from nurture.definitions.syntax import lines_of
from nurture.domain.definitions import Definitions
from nurture.domain.steps import variant_text
from tests.definitions.folders import FILES, Told, marked, told, write
from tests.definitions.slips import SCORING_MISTAKES, STEP_MISTAKES, YAML_MISTAKES


def test_a_folder_without_mistakes_gives_its_definitions(tmp_path: Path) -> None:
    loaded = load(write(tmp_path))
    assert loaded.mistakes == []
    assert loaded.definitions
    assert set(loaded.definitions.sequences) == {"nurture"}
    assert loaded.definitions.assets["guide"].gated


def test_a_mistake_reads_like_a_compilers() -> None:
    error = Mistake("config/scoring.yaml", 12, 5, "unknown key 'pionts'", "did you mean 'points'?")
    assert str(error) == "config/scoring.yaml:12:5: unknown key 'pionts'; did you mean 'points'?"
    assert str(Mistake("a.yaml", 1, 1, "odd", severity="warning")) == "a.yaml:1:1: warning: odd"


def test_files_are_named_as_the_folder_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "config", scoring="rulse: []")
    monkeypatch.chdir(tmp_path)
    assert [str(each) for each in load(Path("config")).mistakes] == [
        "config/scoring.yaml:1:1: unknown key 'rulse'; did you mean 'rules'?"
    ]


@pytest.mark.parametrize(("text", "message"), YAML_MISTAKES)
def test_yaml_that_cannot_be_read(tmp_path: Path, text: str, message: str) -> None:
    text, expected = marked("scoring.yaml", text, message)
    assert told(write(tmp_path, scoring=text)) == expected


@pytest.mark.parametrize(("text", "message"), SCORING_MISTAKES)
def test_values_that_make_no_sense(tmp_path: Path, text: str, message: str) -> None:
    text, expected = marked("scoring.yaml", text, message)
    assert told(write(tmp_path, scoring=text)) == expected


SENDING_MISTAKES = [
    ("sender: {name: Anna, email: »anna.example.com}", "this is no e-mail address; an email address must have an @-sign"),
    ("sender: {name: »'', email: anna@example.com}", "'name' is empty; write a text"),
    ("»sendr: {name: Anna, email: anna@example.com}", "unknown key 'sendr'; did you mean 'sender'?"),
    ("timezone: »Europe/Pari", "'Europe/Pari' is no IANA time zone; did you mean 'Europe/Paris'?"),
    ("default_language: »french", "'french' is no language; write it like en or fr-CA"),
    ("tracking: {clicks: »yes}", "'clicks' takes true or false, not the text 'yes'; write true"),
    ("quiet_hours: {hours: »20h-8h}", "'20h-8h' names no hours; did you mean '20:00-08:00'?"),
    ("frequency_cap: {per: »1 month}", "'1 month' is no duration; months and years differ in length, so count in days, such as 30d or 365d"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), SENDING_MISTAKES)
def test_sending(tmp_path: Path, text: str, message: str) -> None:
    rest = FILES["sending.yaml"].splitlines()
    key = text.partition(":")[0].strip("»").replace("sendr", "sender")
    text, expected = marked("sending.yaml", "\n".join([text, *(line for line in rest if not line.startswith(key))]), message)
    assert told(write(tmp_path, sending=text)) == expected


@pytest.mark.parametrize(("step", "message"), STEP_MISTAKES)
def test_steps(tmp_path: Path, step: str, message: str) -> None:
    before = "sequence: nurture\ntrigger: {promoted_to: lead}\nsteps:\n  "
    text, expected = marked("sequences/nurture.yaml", f"{before}{step}\n  - {{id: z, email: thanks}}\n", message)
    assert told(write(tmp_path, sequences__nurture=text)) == expected


def test_all_mistakes_of_all_files_at_once_in_order(tmp_path: Path) -> None:
    scoring, in_scoring = marked(
        "scoring.yaml",
        "half_life: »2 weeks\nrules:\n  - {id: a, on: x, points: »many, »capp: {hits: 1}}\n  - {id: a, on: x, points: 1}\n  - {id: »a, on: x, points: 1}\n",
        "'2 weeks' is no duration; did you mean '2w'?",
        "'points' takes a whole number, not the text 'many'; write one such as 5",
        "unknown key 'capp'; did you mean 'cap'?",
        "rule id 'a' is used twice; give each its own",
    )
    sequence, in_sequence = marked(
        "sequences/nurture.yaml",
        """\
sequence: nurture
trigger: {promoted_to: »leed}
exit: [{stage: »custmer}]
steps:
  - {id: thanks, email: »thnaks}
  - {wait: »2 days}
  - branch:
      - {if: {engagement: {at_least: 20}}, then: [{id: b, email: thanks}]}
      - {if: »{engagement: {at_least: 50}}, then: [{id: c, email: thanks}]}
  - {id: »thanks, email: thanks}
""",
        "unknown stage 'leed'; did you mean 'lead'?",
        "unknown stage 'custmer'; did you mean 'customer'?",
        "there is no e-mail 'thnaks'; did you mean 'thanks'?",
        "'2 days' is no duration; did you mean '2d'?",
        "these steps are never reached: arm 1 takes everybody for whom this holds; put this arm before it, or narrow that one",
        "step id 'thanks' is used twice; give each its own",
    )
    sending, in_sending = marked("sending.yaml", "sender: {name: Anna}\nbroken: »[1", "this '[' is never closed; add the ']'")
    folder = write(tmp_path, scoring=scoring, sequences__nurture=sequence, sending=sending)
    assert told(folder, missing_emails) == [*in_scoring, *in_sending, *in_sequence]


def missing_emails(definitions: Definitions) -> Iterable[tuple[Path | str, int, str]]:
    """Template problems as a caller finds them."""
    for email in {step.email for sequence in definitions.sequences.values() for step in sequence.emails()} - {"thanks"}:
        yield email, 0, f"there is no e-mail {email!r}; did you mean 'thanks'?"


def test_a_missing_email_is_reported_at_every_step_that_names_it(tmp_path: Path) -> None:
    text, expected = marked(
        "sequences/nurture.yaml",
        FILES["sequences/nurture.yaml"] + "  - {id: b, email: »hello}\n  - {id: c, email: »hello}\n",
        *["there is no e-mail 'hello'; did you mean 'thanks'?"] * 2,
    )
    assert told(write(tmp_path, sequences__nurture=text), missing_emails) == expected


def test_a_problem_of_a_variant_is_reported_where_it_is_written(tmp_path: Path) -> None:
    def problems(_: Definitions) -> Iterable[tuple[Path | str, int, str]]:
        yield variant_text("nurture", "b", "two", "subject"), 1, "there is no variable 'persn'; did you mean 'person'?"

    text, expected = marked(
        "sequences/nurture.yaml",
        FILES["sequences/nurture.yaml"]
        + "  - {id: b, email: thanks, variants: {one: {}, two: {subject: »'Hello {{ persn.first_name }}'}}}\n",
        "there is no variable 'persn'; did you mean 'person'?",
    )
    assert told(write(tmp_path, sequences__nurture=text), problems) == expected


def test_an_email_of_a_variant_or_a_pool_is_reported_where_it_is_named(tmp_path: Path) -> None:
    variants = "  - {id: b, email: thanks, variants: {one: {}, two: {email: »hello}}}\n  - {id: c, pool: cases}\n"
    text, in_sequence = marked(
        "sequences/nurture.yaml", FILES["sequences/nurture.yaml"] + variants, "there is no e-mail 'hello'; write it"
    )
    pools, in_pools = marked("pools.yaml", "pools: {cases: [{email: »hello}]}\n", "there is no e-mail 'hello'; write it")

    def problems(_: Definitions) -> Iterable[tuple[Path | str, int, str]]:
        yield "hello", 1, "there is no e-mail 'hello'; write it"

    assert told(write(tmp_path, sequences__nurture=text, pools=pools), problems) == [*in_pools, *in_sequence]


def test_a_problem_inside_a_template_is_reported_there(tmp_path: Path) -> None:
    def problems(_: Definitions) -> Iterable[tuple[Path | str, int, str]]:
        yield Path("templates/emails/thanks/fr.md"), 12, "'persn' is not offered; did you mean 'person'?"

    loaded = load(write(tmp_path), problems)
    assert [str(each) for each in loaded.mistakes] == [
        "templates/emails/thanks/fr.md:12:1: 'persn' is not offered; did you mean 'person'?"
    ]
    assert loaded.definitions is None


def test_templates_are_looked_at_even_if_a_file_cannot_be_read(tmp_path: Path) -> None:
    seen: list[str] = []

    def problems(definitions: Definitions) -> Iterable[tuple[Path | str, int, str]]:
        seen.extend(definitions.sequences)
        return ()

    load(write(tmp_path, sending="[", scoring="]"), problems)
    assert seen == ["nurture"]


@pytest.mark.parametrize("name", ["scoring.yaml", "lifecycle.yaml", "sending.yaml"])
def test_a_file_that_is_missing(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path)
    (folder / name).unlink()
    assert told(folder) == [Told(name, 1, 1, "this file is missing; create it; the example in the documentation is a start")]


def test_assets_and_forms_and_sequences_may_be_missing(tmp_path: Path) -> None:
    folder = write(tmp_path)
    for name in ("assets.yaml", "forms.yaml", "sequences/nurture.yaml"):
        (folder / name).unlink()
    assert load(folder).definitions


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    loaded = load(tmp_path / "none")
    assert loaded.definitions is None
    assert [each.what for each in loaded.mistakes] == ["there is no such folder"]


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "scoring.yaml").unlink()
    (folder / "scoring.yaml").mkdir()
    assert [each.text.partition(" (")[0] for each in told(folder)] == ["this file cannot be read"]


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("scorng.yaml", "did you mean 'scoring.yaml'?"),
        ("scoring.yml", "did you mean 'scoring.yaml'?"),
        ("sequences/other.yml", "did you mean 'other.yaml'?"),
        ("zzz.yaml", "sequences lie in sequences/"),
    ],
)
def test_a_file_that_nobody_reads_is_a_warning(tmp_path: Path, name: str, fix: str) -> None:
    folder = write(tmp_path)
    (folder / name).write_text("a: 1")
    assert told(folder) == [Told(name, 1, 1, f"warning: nobody reads a file of this name; {fix}")]
    assert load(folder).definitions


def test_text_that_is_no_utf8(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "scoring.yaml").write_bytes("half_life: 30d\nrules: [] # é".encode("latin-1"))
    assert told(folder) == [Told("scoring.yaml", 2, 13, "the byte 0xe9 is no UTF-8; save the file in the encoding UTF-8")]


def test_a_byte_order_mark_and_windows_line_ends_are_no_matter(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "scoring.yaml").write_bytes(b"\xef\xbb\xbfhalf_life: 30d\r\nrules:\r\n  - {id: a, on: x}\r\n")
    assert [(each.line, each.column) for each in told(folder)] == [(3, 5)]


def test_words_that_older_yaml_takes_for_something_else(tmp_path: Path) -> None:
    """`on` is a key, NO a country and 09:00 no number of seconds."""
    text = "fit: [{id: a, points: 60, when: {country: [NO, FR]}}]\nrules: [{on: x, id: b, points: 010, where: {at: 12:30, day: 2026-03-31}}]"
    definitions = load(write(tmp_path, scoring=text)).definitions
    assert definitions
    assert definitions.scoring.fit[0].when.raw == {"country": ["NO", "FR"]}
    assert definitions.scoring.rules[0].points == 10
    assert definitions.scoring.rules[0].where
    assert definitions.scoring.rules[0].where.raw == {"at": "12:30", "day": "2026-03-31"}


def test_anchors_and_merges(tmp_path: Path) -> None:
    text = """\
fit: [{id: boss, when: {job_title: chief}, points: 60}]
rules:
  - &page {id: a, on: page_viewed, points: 2, cap: &often {hits: 3}}
  - {<<: *page, id: b, points: 3}
  - {<<: [*page, *page], id: c, cap: *often}
"""
    definitions = load(write(tmp_path, scoring=text)).definitions
    assert definitions
    assert [(rule.id, rule.on, rule.points, rule.cap and rule.cap.hits) for rule in definitions.scoring.rules] == [
        ("a", ("page_viewed",), 2, 3),
        ("b", ("page_viewed",), 3, 3),
        ("c", ("page_viewed",), 2, 3),
    ]


def test_a_document_cannot_swell_through_aliases(tmp_path: Path) -> None:
    levels = "\n".join(f"l{number}: &l{number} [{', '.join([f'*l{number - 1}'] * 9)}]" for number in range(1, 12))
    texts = [each.text for each in told(write(tmp_path, scoring=f"l0: &l0 [x, x]\n{levels}"))]
    assert texts.count("this file grows too large through its aliases; write fewer '*' references") == 1


def test_deep_nesting_is_told(tmp_path: Path) -> None:
    assert told(write(tmp_path, scoring="[" * 5_000))[0].text == "this file nests too deeply; stay within 40 levels"
    shallow = told(write(tmp_path, scoring=f"fit: {'[' * 60}{']' * 60}"))
    assert "this is nested more than 40 levels deep; bring it further out" in [each.text for each in shallow]


def plain(text: str) -> Any:
    document, _ = read(text.encode())
    return document.plain() if document else None


alphabet = st.sampled_from(
    [
        *"{}[]:,-#&*!|>'\"%@`?=<~\n\t \\",
        "- ",
        ": ",
        "\n  ",
        "  - ",
        "a",
        "id",
        "wait",
        "1",
        "\x00",
        "\ud800",
        "é",
        "\u2028",
        "\U0001f600",
    ]
)
SOURCES = {
    "scoring.yaml": 'half_life: 30d\nrules:\n  - id: read\n    on: [page_viewed, x]\n    where: {path: {matches: "^/blog/"}}\n    points: 2\n    cap: {hits: 3}\ngrades: {A: 5, B: 1}\n',
    "sequences/nurture.yaml": 'sequence: nurture\ntrigger: {promoted_to: lead}\nexit: [unsubscribed, {stage: customer}]\nreentry: {after: 9d}\nwindow: {days: mon-fri, hours: "09:00-18:00"}\nsteps:\n  - {id: a, email: b, window: any}\n  - {wait: 2d}\n  - branch:\n      - {if: {any: [{stage: mql}, {not: {fit: 3}}]}, then: [{id: c, email: d}]}\n      - else: [{wait: 1d}]\n',
}  # fmt: skip
#: Documents in which every kind of thing stands.
EXAMPLES = {file: plain(text) for file, text in {**FILES, **SOURCES}.items() if file.endswith(".yaml")}
edits = st.lists(
    st.tuples(st.integers(0, 10_000), st.integers(0, 12), st.lists(alphabet, max_size=4).map("".join)), min_size=1, max_size=6
)


@pytest.mark.parametrize("file", sorted(SOURCES))
@settings(max_examples=50)
@given(edits=edits)
def test_no_text_makes_loading_raise(
    tmp_path_factory: pytest.TempPathFactory, file: str, edits: list[tuple[int, int, str]]
) -> None:
    """Whatever is done to a file, it gives definitions or mistakes that lie inside it, each with something to do."""
    text = SOURCES[file]
    for start, length, inserted in edits:
        cut = start % (len(text) + 1)
        text = text[:cut] + inserted + text[cut + length :]
    assert_told_well(tmp_path_factory, file, text)


def assert_told_well(tmp_path_factory: pytest.TempPathFactory, file: str, text: str) -> None:
    folder = write(tmp_path_factory.mktemp("config", numbered=True))
    content = text.encode("utf-8", "surrogatepass")
    (folder / file).write_bytes(content)
    loaded = load(folder)
    assert (loaded.definitions is None) is bool(loaded.errors)
    lines = lines_of(content.decode("utf-8-sig", "replace"))
    for mistake in loaded.mistakes:
        assert mistake.what, mistake
        assert mistake.fix, mistake
        if mistake.file == str(folder / file):
            assert 1 <= mistake.line <= len(lines), mistake
            assert 1 <= mistake.column <= len(lines[mistake.line - 1]) + 1, mistake


odd_values: st.SearchStrategy[Any] = st.sampled_from([
    None, True, 0, -1, 2.5, "", "lead", "mqll", "any", "9d", "2 days", "a b", "x@y", [], [[]], [None], {}, {"": ""}, {"stage": "lead"},
    {"stage": None}, {"any": []}, {"not": {"stage": {"is": 1}}}, {"engagement": {"at_least": "5"}}, {"else": []}, {"wait": 5}, {"id": "a"},
    {"email": "x"}, {"email": "x", "wait": "1d"}, [{"if": {}}], "<EmailStep>", "[key]", "é\n#",
])  # fmt: skip


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(found for key, each in inner for found in places(each, (*place, key)))]


def replaced(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    copy = value.copy()
    copy[place[0]] = replaced(value[place[0]], place[1:], new)
    return copy


@pytest.mark.parametrize("file", sorted(EXAMPLES))
@settings(max_examples=25)
@given(data=st.data())
def test_no_value_makes_loading_raise(tmp_path_factory: pytest.TempPathFactory, file: str, data: st.DataObject) -> None:
    """Any odd value at any place, several at once, and keys that nobody knows."""
    content = EXAMPLES[file]
    for _ in range(data.draw(st.integers(1, 4))):
        content = replaced(content, data.draw(st.sampled_from(places(content))), data.draw(odd_values))
    if isinstance(content, dict) and data.draw(st.booleans()):
        content = {**content, data.draw(st.sampled_from(["ruls", "<Window>", "[key]", "", "7"])): data.draw(odd_values)}
    assert_told_well(tmp_path_factory, file, json.dumps(content, indent=1))
