"""Mistakes in test cases, told where they stand; what cases name is looked up in the definitions."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from nurture.definitions.case_files import load_cases
from nurture.definitions.document import read
from nurture.definitions.flow_style import in_flow_style
from nurture.definitions.schema import schema_for
from nurture.domain.cases.case import CasesFile
from nurture.domain.definitions import Definitions
from tests.definitions.folders import Told, marked
from tests.definitions.test_schema import faults, parsed
from tests.support.cases import LATER, WIDER, wider
from tests.support.definitions import GUIDE_SEQUENCE

HEAD = "cases:\n  - case: it\n    starts: 2026-03-02T09:00 Europe/Paris\n    until: 20d\n"


def told(folder: Path, text: str, definitions: Definitions | None = None) -> list[Told]:
    file = folder / "tests" / "a.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    mistakes = load_cases(folder, definitions).mistakes
    return [Told("a.yaml", each.line, each.column, str(each).partition(f":{each.line}:{each.column}: ")[2]) for each in mistakes]


#: What is wrong by itself: below the head, one line is the whole of `given` or of `expect`.
SHAPES = [
    ("given: [{at: 0m, »frm: guide}]", "unknown key 'frm'; did you mean 'form'?"),
    ("given: [»{at: 0m, jump: high}]", "this says nothing that happens; write one of event, form, download, page, click, identify, enroll, reject, unsubscribe, confirm, prefer, expect"),
    ("given: [»{form: guide}]", "it is not said when this happens; add 'at: 2d', or 'after: STEP' with 'in: 2h'"),
    ("given: [{at: 0m, »after: case, form: guide}]", "this happens either at a moment or after a mail; keep 'at' or 'after'"),
    ("given: [{»after: case, form: guide}]", "it is not said how long after the mail; add 'in: 2h'"),
    ("given: [{at: 0m, »in: 2h, form: guide}]", "'in' goes with 'after'; write the whole time behind 'at'"),
    ("given: [{at: »2, form: guide}]", "2 is no moment; write the unit, too, such as 2d for days or 2h for hours"),
    ("given: [{at: »2026-03-04, form: guide}]", "'2026-03-04' names no hour; write it like 2026-03-04T09:00"),
    ("given: [{at: »2026-03-34T09:00, form: guide}]", "'2026-03-34T09:00' is no instant; write it like 2026-03-02T09:00"),
    ("given: [{at: »2026-03-04T09:00 Europe/Pari, form: guide}]", "'Europe/Pari' is no IANA time zone; did you mean 'Europe/Paris'?"),
    ("given: [{at: »2026-03-04T09:00 person, form: guide}]", "'person' is nobody yet; write a zone like Europe/Paris"),
    ("given: [{at: »30d, form: guide}]", "this is not between 'starts' and 'until'; change one of them"),
    ("given: [{at: 0m, event: »email_clicked}]", "'email_clicked' has a word of its own here; write 'click: …' instead of 'event'"),
    ("given: [{at: 0m, event: »email_opened}]", "'email_opened' is told by the engine alone; leave it out"),
    ("given: [{at: 0m, click: case, by: »robot}]", "'robot' is none of the choices here; write human or machine"),
    ("expect: {»mail: []}", "unknown key 'mail'; did you mean 'mails'?"),
    ("expect: {mails: [{step: case, on: »wensday}]}", "'wensday' names no weekday; did you mean 'wednesday'?"),
    ("expect: {mails: [{step: case, »onn: wed}]}", "unknown key 'onn'; did you mean 'on'?"),
    ("expect: {score: »{at: 1d}}", "it is not said what the score must be; add 'between: [20, 40]', 'at_least: 20' or 'at_most: 40'"),
    ("expect: {skipped: {step: case, reason: »caped}}", "'caped' is none of the choices here; did you mean 'capped'?"),
    ("expect: {ended: {sequence: later, »reson: end}}", "unknown key 'reson'; did you mean 'reason'?"),
    ("expect: »{}", "nothing is expected here; write what must be so, such as 'mails: [thanks]' or 'stage: lead'"),
]  # fmt: skip


def whole(line: str) -> str:
    given = "" if "given:" in line else "    given: [{at: 0m, page: /}]\n"
    expect = "" if "expect:" in line else "    expect: {stage: lead}\n"
    return f"{HEAD}{given}    {line}\n{expect}"


@pytest.mark.parametrize(("line", "message"), SHAPES, ids=lambda each: str(each)[:60])
def test_what_is_wrong_by_itself(tmp_path: Path, line: str, message: str) -> None:
    text, expected = marked("a.yaml", whole(line), message)
    assert told(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD.replace("2026-03-02T09:00 Europe/Paris", "»2026-03-02T09:00"), "'2026-03-02T09:00' does not say on whose clock; write a zone behind it, such as 2026-03-02T09:00 Europe/Paris"),
        (HEAD.replace("2026-03-02T09:00 Europe/Paris", "»next week"), "'next week' is no instant; write it like 2026-03-02T09:00 Europe/Paris"),
        (HEAD.replace("20d", "»2026-03-01T09:00"), "this case is over before it begins; write how long it lasts, such as 30d"),
    ],
)  # fmt: skip
def test_when_a_case_begins_and_ends(tmp_path: Path, text: str, message: str) -> None:
    text, expected = marked("a.yaml", f"{text}    given: [{{at: 0m, page: /}}]\n    expect: {{stage: lead}}\n", message)
    assert expected[0] in told(tmp_path, text)


def test_a_case_is_about_one_person_or_several(tmp_path: Path) -> None:
    several = "    people: {ana: {given: [{at: 0m, page: /}], expect: {stage: lead}}}\n"
    assert told(tmp_path, HEAD + several) == []
    text, expected = marked(
        "a.yaml", f"{HEAD}{several}    »seed: 1\n", "'seed' stands beside 'people'; write it below one of them"
    )
    assert told(tmp_path, text) == expected


def test_a_case_without_acts_or_expectations_tries_nothing(tmp_path: Path) -> None:
    assert [each.text for each in told(tmp_path, HEAD)] == [
        "nothing happens here; add 'given: [{at: 0m, form: …}]'",
        "nothing is expected here; add 'expect: {mails: […]}'",
    ]


def test_two_cases_of_a_file_have_two_names(tmp_path: Path) -> None:
    one = whole("given: [{at: 0m, page: /}]")
    two = one.removeprefix("cases:\n").replace("case: it", "case: »it")
    text, expected = marked("a.yaml", one + two, "case 'it' is used twice; give each its own")
    assert told(tmp_path, text) == expected


AMBIGUOUS = Definitions.model_validate(
    WIDER | {"sequences": {"guide-nurture": GUIDE_SEQUENCE, "later": LATER, "copy": {**LATER, "sequence": "copy"}}}
)

#: What does not fit the definitions.
NAMES = [
    ("given: [{at: 0m, form: »giude}]", "unknown form 'giude'; did you mean 'guide'?"),
    ("given: [{at: 0m, download: »giude}]", "unknown asset 'giude'; did you mean 'guide'?"),
    ("given: [{at: 0m, page: /}, {after: case, in: 1h, click: »cas}]", "no step 'cas' sends a mail; did you mean 'case'?"),
    ("given: [{after: »thankss, in: 1h, page: /}]", "no step 'thankss' sends a mail; did you mean 'thanks'?"),
    ("given: [{at: 0m, page: /}, {at: 1h, click: »wait-after-thanks}]", "no step 'wait-after-thanks' sends a mail; write case, demo, hello, last, reminder or thanks"),
    ("given: [{at: 1h, click: »hello}]", "later and copy each have a step 'hello'; write later/hello"),
    ("given: [{at: 1h, click: »guide/hello}]", "unknown sequence 'guide'; did you mean 'guide-nurture'?"),
    ("given: [{at: 1h, click: »guide-nurture/hello}]", "guide-nurture has no step 'hello' that sends a mail; write case, demo, reminder or thanks"),
    ("given: [{at: 0m, form: mailed, fields: {»frist_name: Ana, first_name: A}}]", "the form 'mailed' has no field 'frist_name'; did you mean 'first_name'?"),
    ("given: [{at: 0m, form: »mailed}]", "the form 'mailed' is not taken without first_name; write 'first_name: …' under person"),
    ("given: [{at: 0m, page: /}, {at: 1h, expect: {mails: [{step: »cas}]}}]", "no step 'cas' sends a mail; did you mean 'case'?"),
    ("expect: {mails: [thanks, »cas]}", "no step 'cas' sends a mail; did you mean 'case'?"),
    ("expect: {deferred: [{step: »cas}]}", "no step 'cas' sends a mail; did you mean 'case'?"),
    ("expect: {stage: »leed}", "unknown stage 'leed'; did you mean 'lead'?"),
    ("expect: {stage: {at: 1d, is: »leed}}", "unknown stage 'leed'; did you mean 'lead'?"),
    ("expect: {stage: [lead, {at: 1d, is: »leed}]}", "unknown stage 'leed'; did you mean 'lead'?"),
    ("expect: {score: {at_least: 1, model: »cloud}}", "unknown score model 'cloud'; none is defined yet"),
    ("expect: {ended: {sequence: »latter}}", "unknown sequence 'latter'; did you mean 'later'?"),
    ("expect: {entered: [»latter]}", "unknown sequence 'latter'; did you mean 'later'?"),
    ("expect: {notified: [»crn]}", "unknown endpoint 'crn'; did you mean 'crm'?"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "message"), NAMES, ids=lambda each: str(each)[:60])
def test_what_cases_name_is_looked_up(tmp_path: Path, line: str, message: str) -> None:
    body = whole(line).replace("    given", "    person: {email: ana@acme.example}\n    given", 1)
    text, expected = marked("a.yaml", body, message)
    definitions = AMBIGUOUS if "hello" in message else wider()
    assert expected[0] in told(tmp_path, text, definitions)
    assert told(tmp_path, text) == []  # without definitions nothing can be looked up


PEOPLE = [
    ("{email: a@acme.example, »company_size: 5}", "[{at: 0m, form: guide}]", "nothing here ever tells the engine 'company_size'; post a form that asks for it, or add {at: 0m, identify: {company_size: …}}"),
    ("{email: a@acme.example, »job_titel: Boss}", "[{at: 0m, form: guide}]", "nothing here ever tells the engine 'job_titel'; did you mean 'job_title'?"),
    ("{email: a@acme.example, »timezone: Europe/Paris}", "[{at: 0m, event: x, by: server}]", "nothing here ever tells the engine 'timezone'; post a form that asks for it, or add {at: 0m, identify: {timezone: …}}"),
    ("{email: a@acme.example, timezone: »Europe/Pari}", "[{at: 0m, form: guide}]", "'Europe/Pari' is no IANA time zone; did you mean 'Europe/Paris'?"),
    ("{language: fr}", "[{at: 0m, page: /}, »{at: 0m, event: x, by: server}]", "a server knows people by their address; write 'email: …' under person"),
    ("{language: fr}", "[{at: 0m, page: /}, »{at: 0m, enroll: later}]", "a server knows people by their address; write 'email: …' under person"),
]  # fmt: skip


@pytest.mark.parametrize(("person", "given", "message"), PEOPLE)
def test_what_is_said_of_people_reaches_the_engine(tmp_path: Path, person: str, given: str, message: str) -> None:
    body = f"{HEAD}    person: {person}\n    given: {given}\n    expect: {{stage: lead}}\n"
    text, expected = marked("a.yaml", body, message)
    assert told(tmp_path, text, wider()) == expected


def test_an_identify_tells_what_no_form_asks_for(tmp_path: Path) -> None:
    person = "person: {email: a@acme.example, company_size: 5}"
    text = f"{HEAD}    {person}\n    given: [{{at: 0m, identify: {{company_size: 5}}}}]\n    expect: {{stage: lead}}\n"
    assert told(tmp_path, text, wider()) == []


def test_a_file_that_nobody_reads_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "a.yml").write_text("cases: []")
    (mistake,) = load_cases(tmp_path, None).mistakes
    assert (mistake.severity, mistake.fix) == ("warning", "did you mean 'a.yaml'?")


@pytest.mark.parametrize(("line", "message"), SHAPES, ids=lambda each: str(each)[:60])
def test_what_has_the_wrong_shape_an_editor_underlines(line: str, message: str) -> None:
    beyond = ("it is not said when", "either at a moment", "how long after", "'in' goes with", "is no instant", "IANA", "nobody yet", "not between", "word of its own", "told by the engine", "what the score must be", "nothing is expected")  # fmt: skip
    if not any(each in message for each in beyond):
        schema = schema_for(CasesFile)
        document = parsed(whole(line).replace("»", "").encode())
        assert faults(document, schema, schema) != []


@pytest.mark.parametrize(
    "value",
    [
        {"at": "2d3h", "on": "wed", "page": "/pricing"},
        {"yes": "no", "x": ["on", "1e3", "12", 12, True, None, 1.5]},
        "a: b",
        "é #",
        "",
        {},
        [],
    ],
)
def test_what_is_written_on_one_line_is_read_back(value: object) -> None:
    document, flaws = read(f"it: {in_flow_style(value)}\n".encode())
    assert document is not None
    assert (document.plain(), flaws) == ({"it": value}, [])
    assert YAML(typ="safe").load(f"it: {in_flow_style(value)}") == {"it": value}
