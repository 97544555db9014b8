"""What servers and readers mail back comes from a mailbox to the message, its reader's address and their run."""

from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import select, update

from nurture.adapters.database.releases import apply
from nurture.adapters.database.store import Database
from nurture.adapters.database.tables import enrollments, events, messages, suppressions
from nurture.adapters.mail.imap import ImapAccount
from nurture.adapters.mail.incoming.reader import MailReader
from nurture.adapters.prompt_writer import PromptWriter
from nurture.adapters.redis_keys import AHEAD
from nurture.adapters.tokens import MailLink, Tokens
from nurture.domain.mail.message import MessageStatus
from nurture.errors import Unavailable
from nurture.flow.fetch import Fetched, fetch
from tests.flow.conftest import Intake, queue
from tests.flow.post import Post
from tests.support.definitions import definitions
from tests.support.imap import ImapServer
from tests.support.returned import bounce, out_of_office, reply, unsubscription

TOKENS = Tokens("a secret of these tests")


@pytest.fixture
def mailed(intake: Intake, post: Post, database: Database) -> Any:
    """Ana's first mail, which has left."""
    queue(intake, "ana@acme.test")
    post.send()
    with database.engine.connect() as connection:
        return connection.execute(select(messages).where(messages.c.status == MessageStatus.SENT)).one()


@pytest.fixture
def name(mailed: Any) -> str:
    return TOKENS.mail_name(MailLink(mailed.id, mailed.person_id))


@pytest.fixture
def server() -> Iterator[ImapServer]:
    with ImapServer() as server:
        yield server


class Round:
    """Fetches, and absorbs what was heard."""

    def __init__(self, server: ImapServer, intake: Intake, redis_url: str) -> None:
        self._account, self._intake = ImapAccount(server.url), intake
        self._stream = PromptWriter(redis_url, 1, 1_000, lambda *_: None)

    def __call__(self, limit: int = 50) -> Fetched:
        with self._account.opened() as mailbox:
            fetched = fetch(mailbox, MailReader(TOKENS).read, self._stream, self._intake.clock, limit)
        self._intake.absorb()
        return fetched


@pytest.fixture
def fetching(server: ImapServer, intake: Intake, redis_url: str) -> Round:
    return Round(server, intake, redis_url)


def rows(database: Database, table: Any) -> Any:
    with database.engine.connect() as connection:
        return connection.execute(select(table)).all()


def status(database: Database, mailed: Any) -> str:
    [message] = [row for row in rows(database, messages) if row.id == mailed.id]
    return str(message.status.value)


def test_a_bounce_comes_to_its_message_and_suppresses_the_address(
    mailed: Any, name: str, server: ImapServer, fetching: Round, database: Database
) -> None:
    server.put(bounce(name))
    assert fetching() == Fetched(1, {"bounced": 1}, 0, more=False)
    assert status(database, mailed) == "bounced"
    [suppressed] = rows(database, suppressions)
    assert (suppressed.email, suppressed.reason, suppressed.source) == ("ana@acme.test", "bounced", "mailbox")
    assert suppressed.detail == "address 5.1.1: smtp; 550 5.1.1 … not taken"
    assert (server.mails(), server.mails("Nurture/Read")) == ([], [bounce(name)])


def test_an_answer_by_a_machine_ends_nothing_and_one_by_a_person_ends_the_run(
    mailed: Any, name: str, server: ImapServer, fetching: Round, database: Database
) -> None:
    plan = definitions().sequences["guide-nurture"].model_copy(update={"exit": ("email_replied",)})
    changed = definitions().model_copy(update={"sequences": {"guide-nurture": plan}})
    with database.engine.begin() as connection:
        apply(connection, changed, mailed.due_at)
        connection.execute(update(enrollments).values(version=changed.versions["guide-nurture"]))
    server.put(out_of_office(name))
    assert fetching().kinds == {"auto_replied": 1}
    [run] = rows(database, enrollments)
    assert run.status == "waiting"
    server.put(reply(name))
    assert fetching().kinds == {"replied": 1}
    [run] = rows(database, enrollments)
    assert (run.status, run.reason) == ("exited", "email_replied")
    assert rows(database, suppressions) == []
    assert server.mails() == [reply(name)], "a person is to read it"
    assert fetching().mails == 0


def test_no_mail_overtakes_whoever_unsubscribes_by_mail(
    mailed: Any, name: str, server: ImapServer, fetching: Round, database: Database, redis: Redis
) -> None:
    server.put(unsubscription(name), bounce(name, "4.2.2", "delayed", 2))
    assert fetching().kinds == {"unsubscribed": 1, "deferred": 1}
    assert redis.xlen(AHEAD) == 1, "nobody absorbed it yet by this way, on which what sends looks first"
    [suppressed] = rows(database, suppressions)
    assert (suppressed.email, suppressed.reason) == ("ana@acme.test", "unsubscribed")


def test_a_forged_report_changes_nobody(mailed: Any, name: str, server: ImapServer, fetching: Round, database: Database) -> None:
    forged = ("a" if name[0] != "a" else "b") + name[1:]
    server.put(bounce(forged), bounce("nobody"))
    assert fetching() == Fetched(2, {}, 2, more=False)
    assert status(database, mailed) == "sent"
    assert rows(database, suppressions) == []
    assert server.mails("Nurture/Unread") == [bounce(forged)], "it came to an address for bounces"
    assert server.mails() == [bounce("nobody")], "somebody else may wait for it"


@pytest.mark.parametrize("at", ["UID MOVE", "CREATE"])
def test_a_crash_before_a_mail_is_put_away_tells_it_once(
    at: str, mailed: Any, name: str, server: ImapServer, fetching: Round, database: Database, intake: Intake
) -> None:
    server.put(bounce(name), bounce(name, "4.2.2", "delayed", 2))
    server.cut_at(at)
    for _ in range(2):
        with pytest.raises(Unavailable):
            fetching()
    server.cut_at(None)
    assert fetching().mails == 2
    assert [row.name for row in rows(database, events) if row.name.startswith("email_")] == ["email_bounced", "email_deferred"]
    assert status(database, mailed) == "bounced"


def test_nothing_is_put_away_that_the_stream_does_not_have(name: str, server: ImapServer, intake: Intake) -> None:
    server.put(bounce(name))
    nowhere = PromptWriter("redis://127.0.0.1:1/0", 1, 1_000, lambda *_: None)
    with pytest.raises(Unavailable), ImapAccount(server.url).opened() as mailbox:
        fetch(mailbox, MailReader(TOKENS).read, nowhere, intake.clock)
    assert server.mails() == [bounce(name)]


def test_a_full_mailbox_is_taken_in_batches(name: str, server: ImapServer, fetching: Round) -> None:
    server.put(*(bounce(name, number=number) for number in range(5)))
    assert [fetching(2).more for _ in range(3)] == [True, True, False]
    assert len(server.mails("Nurture/Read")) == 5
