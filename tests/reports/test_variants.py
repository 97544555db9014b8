"""Variants are compared by what humans did with each mail, and a winner is named only with enough evidence."""

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, select, update

from nurture.adapters.database.bulk import insert_rows
from nurture.adapters.database.tables import enrollments, events, messages, people
from nurture.domain.definitions import Definitions
from nurture.domain.event import EMAIL_CLICKED
from nurture.domain.mail.sending import MessageStatus
from nurture.errors import DefinitionError
from nurture.reports.variants import StepVariants, variants
from tests.support.definitions import definitions
from tests.support.events import event, form
from tests.support.installation import CRAWLER, Installation

VARIANTS = {"plain": {}, "question": {"subject": "Is it you?"}}


def with_variants(**changed: Any) -> Definitions:
    sequence: dict[str, Any] = {
        "sequence": "welcome",
        "trigger": {"event": "form_submitted"},
        "goal": {"event": "demo_requested"},
        "steps": [
            {"id": "hello", "email": "guide-thanks", "window": "any", "variants": VARIANTS},
            {"wait": "1d"},
            {"id": "again", "email": "guide-thanks", "window": "any"},
        ],
    }
    return definitions(sequences={"welcome": sequence | changed})


def of_hello(installation: Installation) -> StepVariants:
    [step] = variants(installation.engine, installation.definitions).steps
    return step


def mail(installation: Installation, many: int) -> dict[str, list[str]]:
    """Mail as many people; their addresses by the variant that each got."""
    addresses = [f"p{number}@acme.test" for number in range(many)]
    installation.happen(*(form(address, device=address) for address in addresses))
    installation.work()
    got: dict[str, list[str]] = {name: [] for name in VARIANTS}
    with installation.engine.connect() as connection:
        for address in addresses:
            wanted = select(messages.c.variant).join(people, people.c.id == messages.c.person_id)
            got[connection.execute(wanted.where(people.c.email == address)).scalar_one()].append(address)
    return got


def test_each_mail_counts_once_and_machines_do_not(installation: Installation) -> None:
    installation.apply(with_variants())
    got = mail(installation, 12)
    installation.later(hours=1)
    curious, scanned = got["question"][0], got["plain"][0]
    installation.happen(installation.click(curious, "hello"))
    installation.later(minutes=5)
    installation.happen(installation.click(curious, "hello"), installation.click(scanned, "hello", CRAWLER))
    step = of_hello(installation)
    assert (step.sequence, step.step, step.left_out) == ("welcome", "hello", 0)
    told = {each.variant: (each.sent, each.clicked.mails, each.reached_goal.mails) for each in step.variants}
    assert told == {"plain": (len(got["plain"]), 0, 0), "question": (len(got["question"]), 1, 0)}
    assert step.by_clicks.winner is None
    assert step.by_clicks.text.startswith("no winner yet: question ")


def test_the_goal_counts_when_it_was_reached_after_the_mail(installation: Installation) -> None:
    installation.apply(with_variants())
    got = mail(installation, 12)
    installation.later(hours=1)
    at = installation.clock.now()
    installation.happen(*(event("demo_requested", at, anonymous_id=got["plain"][index]) for index in (0, 1)))
    second, walked = (installation.person(got[variant][index]).id for variant, index in (("plain", 1), ("question", 0)))
    with installation.engine.begin() as connection:
        late = update(messages).where(messages.c.person_id == second)  # a mail that went after its reader had reached it
        connection.execute(late.values(sent_at=at + timedelta(hours=1)))
        to_the_end = update(enrollments).where(enrollments.c.person_id == walked)
        connection.execute(to_the_end.values(status="completed", reason="end", ended_at=at))
    assert {each.variant: each.reached_goal.mails for each in of_hello(installation).variants} == {"plain": 1, "question": 0}


def test_a_sequence_without_a_goal_is_not_compared_by_it(installation: Installation) -> None:
    installation.apply(with_variants(goal=None))
    assert of_hello(installation).by_goal is None


def test_what_was_written_otherwise_is_left_out(installation: Installation) -> None:
    installation.apply(with_variants())
    mail(installation, 6)
    steps = [{"id": "hello", "email": "guide-thanks", "variants": VARIANTS | {"question": {"subject": "Is it me?"}}}]
    installation.apply(with_variants(steps=steps))
    step = of_hello(installation)
    assert ([each.sent for each in step.variants], step.left_out) == ([0, 0], 6)
    assert step.by_clicks.text == "no winner yet: no mail of plain and question was sent"
    installation.apply(with_variants(priority=90))  # the same words as at first
    assert sum(each.sent for each in of_hello(installation).variants) == 6


@pytest.mark.parametrize(
    ("clicks", "winner", "text"),
    [
        ({"plain": 20, "question": 50}, "question", "question wins: question 25.0% against plain 10.0% (p < 0.001)"),
        (
            {"plain": 20, "question": 30},
            None,
            "no winner yet: question 15.0% against plain 10.0% may be chance (p = 0.13); about 486 more mails of each would tell",
        ),
        ({"plain": 20, "question": 20}, None, "no winner yet: plain and question are equal at 10.0% of 200 and 200 mails"),
        (
            {"plain": 0, "question": 4},
            None,
            "no winner yet: question 2.0% against plain 0.0% rests on too few to be trusted; about 188 more mails of each would tell",
        ),
        (
            {"plain": 0, "question": 9},
            None,
            "no winner yet: question 4.5% against plain 0.0% rests on too few to be trusted; some more mails of each would tell",
        ),
    ],
)
def test_a_winner_needs_evidence(installation: Installation, clicks: dict[str, int], winner: str | None, text: str) -> None:
    installation.apply(with_variants())
    mail(installation, 1)
    _as_if_mailed(installation, 200, clicks)
    step = of_hello(installation)
    assert (step.by_clicks.winner, step.by_clicks.text) == (winner, text)


def _as_if_mailed(installation: Installation, mails: int, clicks: dict[str, int]) -> None:
    """Rows of one person that stand for as many mails of each variant, and clicks in them."""
    with installation.engine.begin() as connection:
        mail_row = dict(connection.execute(select(messages)).mappings().one())
        run_row = dict(connection.execute(select(enrollments)).mappings().one())
        log_row = dict(connection.execute(select(events)).mappings().first() or {})
        connection.execute(messages.delete())
        for offset, (variant, clicked) in enumerate(clicks.items()):
            ids = [1_000 * (offset + 1) + index for index in range(mails)]
            connection.execute(insert(enrollments), [run_row | {"id": each, "entry": each} for each in ids])
            connection.execute(
                insert(messages), [mail_row | {"id": each, "enrollment_id": each, "variant": variant} for each in ids]
            )
            clicks_of = [{"id": uuid4(), "body": log_row["body"] | {"message": each}} for each in ids[:clicked]]
            insert_rows(connection, events, [log_row | {"name": EMAIL_CLICKED} | each for each in clicks_of])


def test_what_was_not_sent_does_not_count(installation: Installation) -> None:
    installation.apply(with_variants())
    mail(installation, 4)
    with installation.engine.begin() as connection:
        connection.execute(update(messages).values(status=MessageStatus.FAILED))
    assert [each.sent for each in of_hello(installation).variants] == [0, 0]


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (("welcom", None), "no sequence 'welcom' is in force; did you mean 'welcome'"),
        (("welcome", "helo"), "welcome has no step 'helo' with variants; did you mean 'hello'"),
        (("welcome", "again"), "welcome has no step 'again' with variants; "),
    ],
)
def test_what_is_not_there_is_a_mistake_of_the_asker(
    installation: Installation, asked: tuple[str, str | None], text: str
) -> None:
    installation.apply(with_variants())
    with pytest.raises(DefinitionError, match=text):
        variants(installation.engine, installation.definitions, *asked)


def test_one_step_may_be_asked_for(installation: Installation) -> None:
    installation.apply(with_variants())
    ask = partial(variants, installation.engine)
    assert ask(with_variants()) == ask(with_variants(), "welcome") == ask(with_variants(), "welcome", "hello")
    assert ask(definitions()).steps == ()
