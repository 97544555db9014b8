"""The last look at each mail: what must not go out does not, and its message says why."""

from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import Engine, select

from nurture.adapters.database.tables import messages
from nurture.adapters.mail.writer import MailWriter
from nurture.adapters.tokens import Tokens
from nurture.domain.mail.sending import MessageStatus
from tests.support import installation as support
from tests.support.definitions import definitions
from tests.support.events import form
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock

LAYOUTS = Path(__file__).parents[2] / "templates" / "emails" / "_layouts"
GREETING = "---\nsubject: A word\n---\nHello {{ person.first_name | default('there') }},\n\nThat is all.\n"


@pytest.fixture
def post(
    migrated_engine: Engine,
    redis_url: str,
    clock: MovableClock,
    smtp_sink: SmtpSink,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> support.Installation:
    """An installation that writes real mail, of one template."""
    (tmp_path / "_layouts").symlink_to(LAYOUTS)
    (tmp_path / "hello").mkdir()
    (tmp_path / "hello" / "en.md").write_text(GREETING, encoding="utf-8")
    writer = MailWriter(tmp_path, "https://nurture.example.com", Tokens(support.SECRET))
    monkeypatch.setattr(support, "LineWriter", lambda: writer)
    made = support.Installation(migrated_engine, Redis.from_url(redis_url), clock, smtp_sink)
    steps = [{"id": "hello", "email": "hello", "window": "any"}]
    sequence = {"sequence": "greeting", "trigger": {"event": "form_submitted"}, "steps": steps}
    made.apply(definitions(sequences={"greeting": sequence}))
    return made


def test_a_mail_that_must_not_go_out_fails_with_the_finding_and_the_others_go(post: support.Installation) -> None:
    at = post.clock.now()
    post.happen(form("ana@acme.test", at=at, first_name="None"), form("ben@acme.test", at=at, first_name="Ben"))
    post.work()
    with post.engine.connect() as connection:
        kept = {each.status: each for each in connection.execute(select(messages))}
    assert set(kept) == {MessageStatus.SENT, MessageStatus.FAILED}
    failed = kept[MessageStatus.FAILED]
    assert failed.reason == "template_error"
    assert failed.detail.startswith("hello/en.md: B5: the mail shows 'None'; give the value a default")
    assert [mail.to for mail in post.sink.mails] == [("ben@acme.test",)]
