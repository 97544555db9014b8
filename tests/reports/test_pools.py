"""A pool's figures tell what came of each piece, who ran out at which step, and how many have seen everything."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from nurture.adapters.database.tables import enrollments, messages
from nurture.domain.definitions import Definitions
from nurture.domain.mail.sending import MessageStatus
from nurture.errors import DefinitionError
from nurture.reports.pools import PieceFigures, PoolFigures, PoolStepFigures, pools
from tests.support.definitions import definitions
from tests.support.events import MONDAY, event, form, page
from tests.support.installation import CRAWLER, Installation

EVERGREEN: list[dict[str, Any]] = [{"email": "checklist", "asset": "guide"}, {"email": "essay"}]
STEPS: list[dict[str, Any]] = [
    {"id": "first", "pool": "evergreen", "window": "any"},
    {"wait": "1d"},
    {"id": "second", "pool": "evergreen", "window": "any"},
    {"wait": "1d"},
    {"id": "third", "pool": "evergreen", "window": "any"},
    {"wait": "1d"},
    {"id": "goodbye", "email": "last-word", "window": "any"},
]


def with_pool(pieces: list[dict[str, Any]] = EVERGREEN, **others: Any) -> Definitions:
    sequence = {"sequence": "welcome", "trigger": {"event": "form_submitted"}, "steps": STEPS}
    return definitions(sequences={"welcome": sequence}, pools={"evergreen": pieces, **others})


@pytest.fixture
def installation(installation: Installation) -> Installation:
    installation.apply(with_pool())
    return installation


def evergreen(installation: Installation) -> PoolFigures:
    [found] = pools(installation.engine, installation.definitions, "evergreen").pools
    return found


def enter(installation: Installation, *names: str) -> None:
    installation.happen(*(form(f"{name}@acme.test", name, installation.clock.now()) for name in names))
    installation.work()


def a_day_later(installation: Installation) -> None:
    installation.later(days=1)
    installation.work()


def got(installation: Installation, device: str, **parts: Any) -> None:
    at = installation.clock.now()
    installation.happen(event("asset_downloaded", at, anonymous_id=device, properties={"asset": "guide"}, **parts))


def test_a_pool_that_nobody_was_offered_is_told_with_its_pieces(installation: Installation) -> None:
    assert evergreen(installation) == PoolFigures(
        pool="evergreen",
        pieces=(
            PieceFigures(email="checklist", asset="guide", mailed=0, downloaded=0),
            PieceFigures(email="essay", asset=None, mailed=0, downloaded=None),
        ),
        steps=tuple(
            PoolStepFigures(sequence="welcome", step=each, ran_out=0, last_by=None) for each in ("first", "second", "third")
        ),
        readers=0, one_left=0, none_left=0, hint=None,
    )  # fmt: skip


def test_people_see_one_piece_after_the_other_and_run_out(installation: Installation) -> None:
    enter(installation, "ana", "ben")
    found = evergreen(installation)
    assert [each.mailed for each in found.pieces] == [2, 0]
    assert (found.readers, found.one_left, found.none_left, found.hint) == (2, 2, 0, None)
    a_day_later(installation)
    found = evergreen(installation)
    assert [each.mailed for each in found.pieces] == [2, 2]
    assert (found.one_left, found.none_left, found.hint) == (0, 2, "2 people have seen everything; add a piece to pools.yaml")
    assert [each.ran_out for each in found.steps] == [0, 0, 0]
    a_day_later(installation)
    found = evergreen(installation)
    assert [(each.step, each.ran_out, each.last_by) for each in found.steps] == [
        ("first", 0, None), ("second", 0, None), ("third", 2, MONDAY + timedelta(days=2)),
    ]  # fmt: skip


def test_when_the_last_ran_out_is_known_by_where_their_run_stands(installation: Installation) -> None:
    enter(installation, "ana")
    for _ in range(2):
        a_day_later(installation)
    with installation.engine.begin() as connection:  # as a step that sets something leaves a run: due at once
        connection.execute(update(enrollments).values(step_since=None))
    assert evergreen(installation).steps[2].last_by == MONDAY + timedelta(days=3)
    a_day_later(installation)
    assert evergreen(installation).steps[2].last_by == MONDAY + timedelta(days=3)  # by when it ended


def test_what_is_added_to_the_pool_is_something_left(installation: Installation) -> None:
    enter(installation, "ana")
    a_day_later(installation)
    assert evergreen(installation).none_left == 1
    installation.apply(with_pool([*EVERGREEN, {"email": "webinar"}]))
    found = evergreen(installation)
    assert (found.one_left, found.none_left, found.hint) == (1, 0, None)


def test_only_what_humans_download_after_the_mail_counts_for_it(installation: Installation) -> None:
    enter(installation, "ana", "ben", "cid")
    installation.later(hours=1)
    for _ in range(2):
        got(installation, "ana")
    got(installation, "ben", context={"userAgent": CRAWLER})
    early = event("asset_downloaded", MONDAY - timedelta(hours=1), anonymous_id="cid", properties={"asset": "guide"})
    installation.happen(early)
    [checklist, essay] = evergreen(installation).pieces
    assert (checklist.mailed, checklist.downloaded, essay.downloaded) == (3, 1, None)


def test_what_somebody_downloaded_is_seen_without_a_mail(installation: Installation) -> None:
    installation.happen(page("/a", "ana"))
    got(installation, "ana")
    enter(installation, "ana")
    found = evergreen(installation)
    assert [each.mailed for each in found.pieces] == [0, 1]
    assert (found.none_left, found.pieces[0].downloaded) == (1, 0)


def test_who_was_two_people_counts_once(installation: Installation) -> None:
    enter(installation, "ana")
    installation.happen(page("/a", "phone"))
    got(installation, "phone")
    assert evergreen(installation).pieces[0].downloaded == 0
    installation.happen(form("ana@acme.test", "phone"))
    found = evergreen(installation)
    assert (found.readers, found.pieces[0].mailed, found.pieces[0].downloaded) == (1, 1, 1)


@pytest.mark.parametrize(
    ("status", "mailed", "one_left"),
    [(MessageStatus.QUEUED, 0, 1), (MessageStatus.FAILED, 0, 0), (MessageStatus.BOUNCED, 1, 1)],
)
def test_a_mail_is_seen_unless_it_never_left(
    installation: Installation, status: MessageStatus, mailed: int, one_left: int
) -> None:
    enter(installation, "ana")
    with installation.engine.begin() as connection:
        connection.execute(update(messages).values(status=status))
    found = evergreen(installation)
    assert (found.pieces[0].mailed, found.one_left) == (mailed, one_left)


def test_a_few_who_have_seen_everything_want_no_new_piece(installation: Installation) -> None:
    enter(installation, *(f"p{number}" for number in range(11)))
    with installation.engine.begin() as connection:
        row = dict(connection.execute(messages.select()).mappings().first() or {})
        connection.execute(insert(messages), [row | {"id": 1, "step": "second", "template": "essay"}])
    found = evergreen(installation)
    assert (found.readers, found.one_left, found.none_left, found.hint) == (11, 10, 1, None)


def test_all_pools_are_told_and_one_that_no_step_takes_from(installation: Installation) -> None:
    enter(installation, "ana")
    told = with_pool(spare=[{"email": "checklist"}])
    found, spare = pools(installation.engine, told).pools
    assert (found.pool, found.readers, spare.pool, spare.steps, spare.readers) == ("evergreen", 1, "spare", (), 0)
    assert spare.pieces[0].mailed == 1
    assert pools(installation.engine, told, "spare").pools == (spare,)
    assert pools(installation.engine, definitions()).pools == ()


def test_a_pool_that_is_not_there_is_a_mistake_of_the_asker(installation: Installation) -> None:
    with pytest.raises(DefinitionError, match="no pool 'evergren' is in force; did you mean 'evergreen'"):
        pools(installation.engine, installation.definitions, "evergren")
