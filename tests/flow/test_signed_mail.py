"""Mail that must be signed goes out signed, or waits: a key that is missing costs time, not mails."""

from datetime import timedelta
from pathlib import Path

import pytest

from nurture.adapters.database.store import Database
from nurture.adapters.mail.signing import make_key
from nurture.adapters.mail.writer import MailWriter
from nurture.adapters.tokens import Tokens
from nurture.domain.mail.sending import LEASE
from nurture.errors import SettingsError
from nurture.flow.send import send
from tests.flow.conftest import Intake, queue
from tests.flow.post import Post
from tests.support.mailrooms import mailroom
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock

LAYOUTS = Path(__file__).parents[2] / "templates" / "emails" / "_layouts"


def test_mail_waits_for_the_key_that_signs_it(
    intake: Intake, post: Post, database: Database, clock: MovableClock, smtp_sink: SmtpSink, tmp_path: Path
) -> None:
    post.put_in_force(dkim={"domain": "example.com", "selector": "s"})
    (tmp_path / "guide-thanks").mkdir()
    (tmp_path / "guide-thanks/en.md").write_text(
        '---\nsubject: "Your guide"\npreheader: "Here it is"\n---\nHello,\n\nhere it is.\n'
    )
    (tmp_path / "_layouts").symlink_to(LAYOUTS)
    writer = MailWriter(tmp_path, "https://nurture.example.com", Tokens("a secret of these tests"), dkim_folder=tmp_path / "keys")
    queue(intake, "ana@acme.test")
    with mailroom(database.sending, writer, clock, default=smtp_sink.url) as room:
        with pytest.raises(SettingsError, match="nurture keys dkim"):
            send(room)
        assert (post.statuses(), smtp_sink.mails) == ({"queued": 1}, [])
        make_key(tmp_path / "keys" / "s.pem", "rsa")
        clock.advance(LEASE + timedelta(seconds=1))
        assert send(room).sent == 1
    assert post.statuses() == {"sent": 1}
    assert smtp_sink.mails[0].raw.startswith(b"DKIM-Signature: v=1; a=rsa-sha256;")
