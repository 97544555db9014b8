"""The crowd's mail, written by the engine's own writer."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from nurture.adapters.mail.writer import MailWriter
from nurture.adapters.tokens import Tokens
from nurture.demo.letterbox import Letterbox
from nurture.ports import Letter, Written
from tests.support.definitions import definitions

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


TEMPLATES = Path(__file__).parents[2] / "templates/emails"


@pytest.fixture
def written() -> Written:
    writer = MailWriter(TEMPLATES, "http://localhost:8000", Tokens("secret of sixteen characters"))
    facts = {"first_name": "Ada", "language": "en"}
    letter = Letter(1, 2, "welcome-subscriber", "welcome", "welcome-subscriber", "ada@example.com", facts)
    return writer.write(letter, definitions(), AT)


def test_a_mail_is_read_once_with_what_its_reader_can_do(tmp_path: Path, written: Written) -> None:
    folder = tmp_path / "mail"
    folder.mkdir()
    letterbox = Letterbox(folder)
    assert letterbox.new() == []
    (folder / "1.eml").write_bytes(written.raw)
    (mail,) = letterbox.new()
    assert (mail.to, mail.step, mail.sequence, mail.at) == ("ada@example.com", "welcome", "welcome-subscriber", AT)
    assert mail.subject == written.subject
    assert len(mail.links) == 3, "the three articles, without the way out"
    assert all(link.startswith("http://localhost:8000/c/") for link in mail.links)
    assert mail.unsubscribe.startswith("http://localhost:8000/u/")
    assert (letterbox.new(), len(letterbox), letterbox.mails) == ([], 1, [mail])


def test_a_folder_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    assert Letterbox(tmp_path / "mail").new() == []
