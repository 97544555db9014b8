"""The next piece of a pool that somebody has not seen."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nurture.domain.event import ASSET_DOWNLOADED
from nurture.domain.history import HISTORY, NOW, History, MissingHistory, Past
from nurture.domain.pools import Piece, next_unseen

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
POOL = (Piece(email="one"), Piece(email="two", asset="guide"), Piece(email="three", asset="checklist"))


def facts(*downloaded: str, ago: timedelta = timedelta(days=400)) -> dict[str, Any]:
    past = [Past(ASSET_DOWNLOADED, NOON - ago, {"asset": asset}) for asset in downloaded]
    return {HISTORY: History(past, {ASSET_DOWNLOADED: None}), NOW: NOON}


@pytest.mark.parametrize(
    ("mailed", "downloaded", "offered"),
    [
        ([], [], "one"),
        (["one"], [], "two"),
        (["two"], [], "one"),  # whatever sent it
        (["one"], ["guide"], "three"),
        (["one", "two"], ["checklist"], None),
        (["one", "two", "three"], [], None),
        ([], ["guide", "checklist"], "one"),
        (["one"], ["guide", "checklist"], None),
    ],
)
def test_the_first_piece_that_is_new(mailed: list[str], downloaded: list[str], offered: str | None) -> None:
    piece = next_unseen(POOL, facts(*downloaded), mailed)
    assert (piece and piece.email) == offered


def test_what_is_downloaded_later_has_not_happened() -> None:
    piece = next_unseen(POOL, facts("guide", ago=-timedelta(days=1)), ["one"])
    assert piece == POOL[1]


def test_nobody_is_taken_for_somebody_who_downloaded_nothing() -> None:
    assert next_unseen(POOL, {}, []) == POOL[0]  # it asks for no asset
    with pytest.raises(MissingHistory, match="a pool asks what somebody downloaded"):
        next_unseen(POOL, {}, ["one"])
