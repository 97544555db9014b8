"""What strangers typed is shown to operators; nothing of it may move the cursor, rename the window or turn writing round."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from nurture.adapters.database.guarding import store_alarms
from nurture.adapters.database.tables import brakes
from nurture.adapters.redis_keys import DEAD, FIELD
from nurture.adapters.tokens import MailLink, Tokens
from nurture.cli.printing import clean, escaped, harmless
from nurture.cli.transfer import ForEyes
from nurture.domain.event import EVENT, IDENTIFIED, PAGE_VIEWED
from nurture.domain.mail.breakers import Alarm
from nurture.domain.mail.faults import Fault
from nurture.domain.mail.feedback import Feedback, as_event
from nurture.domain.mail.suppression import Suppressed
from nurture.observability import configure_logging
from tests.cli.conftest import Command
from tests.support.events import download, event, form
from tests.support.installation import Installation

#: Renames the window, clears the screen, colours by a C1 control, turns writing round, deletes, and begins a line of its own.
EVIL = "\x1b]0;pwn\x07\x1b[2J\x9b31m\u202eliame\u2066\u200f\x7f\u2028\r\nok: all is well"
ANA, BEN = "ana@acme.test", "ben@acme.test"

COMMANDS = [
    f"person show {ANA}", f"person show {ANA} --identity", f"person why-not {ANA} guide-nurture", f"person export {ANA}",
    f"person show {BEN}", f"person erase {ANA} --dry-run",
    "events warnings", "events conflicts", "events reclassify", "dead list", "dead retry --all --dry-run",
    "messages list", "messages uncertain", "suppressions show ana@acme.com", "brakes", "alarms list",
    "status", "wait --healthy --timeout 1s", "doctor --offline", "top --once", "holds", "metrics", "trace twice", "trace other", "trace m-evil",
    "verify", "report overview", "report demand", "report leads", "report sequences", "report content", "report channels", "report cohorts",
    "report diagnose", "report funnel", "report variants", "report pools", "report opens", "rescore --plan", "releases", "plan",
    "hooks list", "settings", "keys", "simulate --replay 30d", f"simulate --person {ANA}",
]  # fmt: skip
WITHOUT_JSON = ("metrics", "wait", "doctor", "person export", "person erase", "hooks", "releases", "plan", "simulate")


def obeyed(text: str) -> set[str]:
    """The characters in a text that a terminal might obey."""
    return {each for each in text if not each.isprintable() and each != "\n"}


@pytest.fixture
def planted(installation: Installation) -> Installation:
    """An installation in which strangers have left something everywhere they can."""
    at = installation.clock.now()
    installation.sink.refuse("ben@", "550 5.7.1 \x1b]0;pwn\x07\x1b[2J\x9b31m go away")
    context = {
        "page": {"path": f"/{EVIL}", "url": f"https://www.example.com/{EVIL}", "referrer": f"https://{EVIL}/", "title": EVIL},
        "campaign": {"source": EVIL, "medium": EVIL, "name": EVIL, "term": EVIL, "content": EVIL}, "userAgent": EVIL,
        "locale": EVIL, "timezone": EVIL,
    }  # fmt: skip
    traits: dict[str, Any] = {"first_name": EVIL, "last_name": EVIL, "job_title": f"Head {EVIL}", EVIL: EVIL}
    installation.happen(
        event(PAGE_VIEWED, anonymous_id="device-1", context=context, message_id=EVIL, warnings=(f"userId: {EVIL}",)),
        event(EVIL[:128], anonymous_id="device-1", properties={EVIL: EVIL, "path": EVIL}, context=context),
        event(
            IDENTIFIED, anonymous_id="device-1", user_id=EVIL, traits={EVIL: EVIL, "company": EVIL, "list": [EVIL, {EVIL: EVIL}]}
        ),
        event(
            PAGE_VIEWED, anonymous_id="device-1", message_id="m-evil", context=context, properties={EVIL: EVIL}, source=EVIL[:64]
        ),
        event(IDENTIFIED, anonymous_id=f"device {EVIL}", user_id=EVIL, message_id="twice"),
        event(IDENTIFIED, anonymous_id=f"another {EVIL}", user_id=EVIL, message_id="twice"),
        form(ANA, **traits),
        form(BEN, device=f"device {EVIL}", first_name=EVIL),
        download(ANA),
        download(BEN),
    )
    installation.work()
    person = installation.person(ANA).id
    told = Feedback("bounced", f"hook:{EVIL}", EVIL, at, person=person, message=1, fault=Fault.ADDRESS, code="5.1.1", detail=EVIL)
    other = Feedback("complained", "hook:postmark", "other", at, recipient="eve@acme.test", detail=EVIL)
    installation.happen(as_event(told, at), as_event(other, at))
    letters: list[dict[Any, Any]] = [
        {FIELD: EVIL.encode(), "reason": EVIL, "at": EVIL, "partition": 0},
        {
            FIELD: EVENT.dump_json(event(EVIL[:64], anonymous_id=EVIL)),
            "reason": f"refused {EVIL}",
            "at": at.isoformat(),
            "partition": 0,
        },
    ]
    for letter in letters:
        installation.redis.xadd(DEAD, letter)
    with installation.engine.begin() as connection:
        store_alarms(connection, [Alarm("complaints", EVIL[:32], EVIL, at)])
        connection.execute(insert(brakes).values(kind="family", name="default/x", until=None, reason=EVIL[:200], at=at))
    with installation.database.suppressing() as transaction:
        transaction.add(
            [Suppressed(ANA, EVIL[:32], "hook", at, "all", EVIL), Suppressed("eve@acme.test", "x", EVIL[:32], at, "all", EVIL)]
        )
    return installation


@pytest.mark.parametrize("backend", ["sqlite"])
def test_no_command_prints_what_a_terminal_obeys(nurture: Command, planted: Installation) -> None:
    letters: Any = planted.redis.xrange(DEAD)
    commands = [*COMMANDS, *(f"dead show {id_.decode()}" for id_, _ in letters)]
    found, seen, forged = {}, 0, list[str]()
    for command in commands:
        variants = [command] if command.startswith((*WITHOUT_JSON, "dead show")) else [command, f"{command} --json"]
        for each in variants:
            told = nurture(*each.split(" "))
            assert not told.exception or isinstance(told.exception, SystemExit), (each, told.exception)
            assert "Usage:" not in told.output, (each, told.output)
            found[each] = obeyed(told.stdout) | obeyed(told.stderr)
            seen += "pwn" in told.stdout
            forged += [each] if "\nok: all is well" in told.stdout else []
    assert {"forged": forged, "obeyed": {each: letters for each, letters in found.items() if letters}} == {
        "forged": [],
        "obeyed": {},
    }
    assert seen > 15, "what was planted is shown by few commands, so this proves little"


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_file_of_strangers_is_told_without_it(nurture: Command, planted: Installation, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(f'email,"first{EVIL}name",company\nana@acme.test,"{EVIL}",x\n"no {EVIL} address","{EVIL}","{EVIL}"\n')
    for arguments in (["import", "people", str(file), "--dry-run"], ["import", "people", str(file), "--dry-run", "--json"]):
        told = nurture(*arguments)
        assert "pwn" in told.output
        assert obeyed(told.stdout) | obeyed(told.stderr) == set()
    listing = tmp_path / "list.csv"
    listing.write_text(f'email\n"no {EVIL} address"\n')
    told = nurture("import", "suppressions", str(listing))
    assert obeyed(told.output) == set()


def test_a_refusal_repeats_nothing_that_a_terminal_obeys(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from nurture.cli import main
    from nurture.errors import NurtureError

    def refuse(**_: object) -> None:
        raise NurtureError(f"{EVIL} is wrong;\n  mend it")

    monkeypatch.setattr(main, "app", refuse)
    with pytest.raises(SystemExit):
        main.run()
    told = capsys.readouterr().err
    assert told.endswith("is wrong;\n  mend it\n")
    assert obeyed(told) == set()


def test_data_that_goes_to_a_terminal_is_only_read() -> None:
    terminal = io.BytesIO()
    eyes = ForEyes(terminal)
    assert eyes.write(f'"{EVIL}","é"\r\n'.encode()) > 0
    eyes.flush()
    assert obeyed(terminal.getvalue().decode()) == set()
    assert terminal.getvalue().decode().endswith('","é"\n')


def test_json_means_the_same_and_is_plain() -> None:
    plain = escaped(json.dumps({EVIL: [EVIL, "é – 🙂"]}, ensure_ascii=False))
    assert obeyed(plain) == set()
    assert json.loads(plain) == {EVIL: [EVIL, "é – 🙂"]}
    assert "é – 🙂" in plain


def test_lines_are_kept_only_where_they_are_ours() -> None:
    assert "\n" not in clean(EVIL)
    assert harmless("a\n\tb\x1b") == "a\n\tb\ufffd"


@pytest.fixture
def _logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)


@pytest.mark.usefixtures("_logging_restored")
@pytest.mark.parametrize("form_", ["text", "json"])
def test_no_log_line_is_forged_or_obeyed(form_: str) -> None:
    """CWE-117: a line break in a value would begin a line that nobody logged."""
    stream = io.StringIO()
    configure_logging(form_, stream=stream)
    logger = logging.getLogger("hostile")
    logger.warning("told by %s", EVIL, extra={"field": EVIL, EVIL: "x", "deep": {"list": [EVIL]}})
    try:
        int(EVIL)
    except ValueError:
        logger.exception("failed")
    logger.error("failed", exc_info=ValueError(EVIL))
    told = stream.getvalue()
    assert obeyed(told) == set()
    assert "\nok: all is well" not in told
    if form_ == "json":
        assert len([json.loads(line) for line in told.splitlines()]) == 3


def test_names_of_mails_hold_nothing_of_it() -> None:
    assert Tokens("x").mail_name(MailLink(1, 2)).isalnum()


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_what_is_read_from_a_log_is_no_order_either(alone: Command, as_json: list[str]) -> None:
    """Other programs write into the same stream, and a file may have been tampered with."""
    lines = [
        json.dumps({"event": EVIL, "level": "warning", "timestamp": "2026-03-02T09:00:00Z", EVIL: EVIL}, ensure_ascii=False),
        f"2026-03-02T09:00:00Z [warning] told {EVIL.replace(chr(10), '')} field={EVIL[:9]}",
        f"\x1b]0;pwn\x07 no line of ours {EVIL[:20]}",
    ]
    told = alone("logs", "-", *as_json, stdin="\n".join(lines) + "\n")
    assert told.exit_code == 0, told.output
    assert "pwn" in told.stdout
    assert obeyed(told.stdout) | obeyed(told.stderr) == set()
    assert "\nok: all is well" not in told.stdout
