"""From a provider's request to what follows: the status of the message, the suppression, the end of the run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine, Row, select

from nurture.adapters.agents import kind_of_agent
from nurture.adapters.database.tables import enrollments, events, messages, people, suppressions
from nurture.adapters.hooks.taking import key_of
from nurture.adapters.redis_keys import AHEAD
from nurture.adapters.stream import held_partition
from nurture.adapters.tokens import MailLink
from nurture.domain.event import FORM_SUBMITTED
from nurture.domain.mail.message import MessageStatus
from nurture.flow.absorb import absorb
from nurture.reports.verify import verify
from nurture.settings import Settings
from tests.support.events import form
from tests.support.installation import Installation
from tests.support.smtp import SmtpSink
from tests.support.waiting import MovableClock
from tests.web.conftest import PARTITIONS, Web, make_definitions, serving
from tests.web.hooks.conftest import HOOKS
from tests.web.hooks.signing import SECRETS, certificate, post_of, shape

ANA = "ana@example.com"
SEQUENCE = {
    "sequence": "guide-nurture", "trigger": {"event": "form_submitted"}, "exit": ["email_bounced", "unsubscribed"],
    "steps": [{"id": "thanks", "email": "guide-thanks", "window": "any"}, {"wait": "2d"}, {"id": "case", "email": "case-study"}],
}  # fmt: skip


@pytest.fixture
def installation(migrated_engine: Engine, redis_url: str, clock: MovableClock, smtp_sink: SmtpSink) -> Installation:
    """Ana has got her first mail, and waits for the second."""
    from tests.support.definitions import definitions

    made = Installation(migrated_engine, Redis.from_url(redis_url), clock, smtp_sink)
    made.apply(definitions(sequences={"guide-nurture": SEQUENCE}))
    made.happen(form(ANA, at=clock.now()))
    made.work()
    return made


@pytest.fixture
def web(redis_url: str, tmp_path: Path, installation: Installation) -> Iterator[Web]:
    definitions = make_definitions().model_copy(update={"hooks": HOOKS})
    secrets = Settings.model_validate({"hook_secrets": SECRETS}).hook_secrets
    with serving(
        redis_url, tmp_path / "web", definitions=definitions, visit=lambda _: certificate(), hook_secrets=secrets
    ) as served:
        assert installation.redis.ping()
        yield served


def rows(installation: Installation, table: Any) -> list[Row[Any]]:
    with installation.engine.connect() as connection:
        return list(connection.execute(select(table)).all())


def the_mail(installation: Installation) -> Row[Any]:
    [mail] = [row for row in rows(installation, messages) if row.step == "thanks"]
    return mail


def tell(web: Web, installation: Installation, name: str, mail: str | None = None) -> None:
    """A provider tells of Ana's first mail, and the event is absorbed."""
    post_to(web, installation, name, mail)
    for partition in range(PARTITIONS):
        with held_partition(installation.redis, partition) as held:
            assert held is not None
            absorb(held, installation.database, installation.clock, kind_of_agent)


def post_to(web: Web, installation: Installation, name: str, mail: str | None = None) -> None:
    """A provider tells of Ana's first mail."""
    provider = name.partition("-")[0]
    row = the_mail(installation)
    told = shape(name, mail or web.tokens.mail_name(MailLink(row.id, row.person_id)))
    post = post_of(provider, told, web.clock.now())
    path = f"/hooks/{provider}/{key_of(web.tokens, provider, 1)}"
    assert web.client.post(path, content=post.body, headers=post.headers).status_code == 200


@pytest.mark.parametrize(
    ("name", "status", "reason", "run"),
    [
        ("ses-bounce", "bounced", "bounced", "exited"),
        ("ses-complaint", "complained", "complained", None),
        ("postmark-delivery", "delivered", None, "running"),
        ("postmark-soft", "bounced", None, "exited"),
        ("postmark-policy", "bounced", None, "exited"),
        ("postmark-auto", "delivered", None, "running"),
        ("mailgun-temporary", "sent", None, "running"),
        ("mailgun-unsubscribed", "sent", "unsubscribed", "exited"),
        ("resend-bounced", "bounced", "bounced", "exited"),
        ("brevo-spam", "complained", "complained", None),
    ],
)
def test_what_is_told_of_a_mail_comes_to_it(
    name: str, status: str, reason: str | None, run: str | None, web: Web, installation: Installation
) -> None:
    for _ in range(2):  # providers repeat themselves
        tell(web, installation, name)
    assert the_mail(installation).status.value == status
    assert [row.reason for row in rows(installation, suppressions)] == ([reason] if reason else [])
    [enrollment] = rows(installation, enrollments)
    assert run is None or (enrollment.status == "exited") == (run == "exited")
    assert [row.body["source"] for row in rows(installation, events) if row.name != FORM_SUBMITTED] == [
        f"hook:{name.partition('-')[0]}"
    ]
    assert verify(installation.engine, installation.definitions) == []


@pytest.mark.parametrize("name", ["sendgrid-batch", "mailjet-batch", "sparkpost-batch"])
def test_of_a_batch_in_any_order_what_says_most_stays(name: str, web: Web, installation: Installation) -> None:
    tell(web, installation, name)
    assert the_mail(installation).status == MessageStatus.COMPLAINED
    assert {row.email for row in rows(installation, suppressions)} == {ANA}


def test_who_unsubscribes_at_a_provider_gets_no_further_mail(web: Web, installation: Installation) -> None:
    tell(web, installation, "brevo-unsubscribed")
    installation.later(days=3)
    sent = len(installation.sink.mails)
    installation.work()
    assert len(installation.sink.mails) == sent == 1


@pytest.mark.parametrize(("name", "ahead"), [("brevo-unsubscribed", 1), ("brevo-spam", 1), ("postmark-delivery", 0)])
def test_no_mail_overtakes_whoever_says_no_at_a_provider(name: str, ahead: int, web: Web, installation: Installation) -> None:
    post_to(web, installation, name)
    assert installation.redis.xlen(AHEAD) == ahead
    tell(web, installation, name)
    assert verify(installation.engine, installation.definitions) == []


@pytest.mark.parametrize(
    ("name", "reason"), [("brevo-unsubscribed", "unsubscribed"), ("brevo-spam", "complained"), ("brevo-hard-bounce", "bounced")]
)
def test_an_address_alone_is_suppressed_and_nobody_is_made_of_it(
    name: str, reason: str, web: Web, installation: Installation
) -> None:
    tell(web, installation, name, mail="x")
    assert [(row.email, row.reason, row.source) for row in rows(installation, suppressions)] == [(ANA, reason, "hook:brevo")]
    assert len(rows(installation, people)) == 1
    assert {row.name for row in rows(installation, events)} == {FORM_SUBMITTED}
