"""How mail fares: by the families that receive it, and beside the limits at which it stops."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from nurture.adapters.database.tables import messages, people
from nurture.adapters.redis_keys import mail_family
from nurture.domain.mail.message import MessageStatus
from nurture.reports import mailing
from nurture.reports.mailing import Mailing, MailingReader
from nurture.reports.reading import snapshot
from tests.support.definitions import definitions
from tests.support.events import download, form
from tests.support.installation import Installation


def look(installation: Installation) -> Mailing:
    reader = MailingReader()
    with snapshot(installation.engine) as connection:
        counted = reader.count(connection, installation.clock.now())
    return reader.told(counted, installation.redis)


def enter(installation: Installation, *addresses: str) -> None:
    for address in addresses:
        installation.happen(form(address, device=f"device of {address}"), download(address))


def becomes(installation: Installation, address: str, **values: Any) -> None:
    person = select(people.c.id).where(people.c.email == address).scalar_subquery()
    with installation.engine.begin() as connection:
        connection.execute(update(messages).where(messages.c.person_id == person).values(**values))


@pytest.fixture
def mailed(installation: Installation) -> Installation:
    enter(installation, "ana@gmail.com", "ben@googlemail.com", "cleo@acme-widgets.fr", "dan@gmail.com")
    installation.work()
    return installation


def test_mails_are_counted_by_family_and_by_what_became_of_them(mailed: Installation) -> None:
    mailed.redis.set(mail_family("acme-widgets.fr"), "ovh")
    becomes(mailed, "ben@googlemail.com", status=MessageStatus.BOUNCED, detail="address: 5.1.1 nobody here")
    becomes(mailed, "dan@gmail.com", status=MessageStatus.QUEUED, sent_at=None)
    found = look(mailed)
    assert [(each.family, each.queued, each.sent, each.bounced) for each in found.families] == [
        ("gmail", 1, 2, 1),
        ("ovh", 0, 1, 0),
    ]
    assert not found.capped


def test_a_domain_whose_family_nobody_knows_is_one_by_itself(mailed: Installation) -> None:
    assert {each.family for each in look(mailed).families} == {"gmail", "acme-widgets.fr"}


def test_what_left_longer_ago_counts_no_more(mailed: Installation) -> None:
    mailed.later(days=1, hours=1)
    assert look(mailed).families == ()
    assert look(mailed).sequences[0].sent == 4
    mailed.later(days=7)
    assert look(mailed).sequences == ()


def test_sequences_stand_beside_the_limits_of_the_definitions_in_force(mailed: Installation) -> None:
    becomes(mailed, "ana@gmail.com", status=MessageStatus.COMPLAINED)
    found = look(mailed)
    (fares,) = found.sequences
    assert (fares.sent, fares.bounced, fares.complained) == (4, 0, 1)
    assert (found.complaints_limit, found.bounces_limit, found.within) == (0.003, 0.05, timedelta(days=7))
    policy = mailed.definitions.sending.model_dump(mode="json", exclude_unset=True)
    mailed.apply(definitions(sending={**policy, "breakers": {"complaints": 0.001, "hard_bounces": 0.02, "within": "3d"}}))
    found = look(mailed)
    assert (found.complaints_limit, found.bounces_limit, found.within) == (0.001, 0.02, timedelta(days=3))


def test_of_very_many_mails_only_the_newest_are_counted(mailed: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailing, "MOST", 2)
    found = look(mailed)
    assert found.capped
    assert sum(each.sent for each in found.families) == 2


def test_where_nothing_is_in_force_the_usual_limits_are_shown(installation: Installation) -> None:
    from sqlalchemy import delete

    from nurture.adapters.database.tables import releases, surveys

    with installation.engine.begin() as connection:
        connection.execute(delete(surveys))
        connection.execute(delete(releases))
    assert look(installation).complaints_limit == 0.003
