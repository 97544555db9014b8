"""config/pools.yaml: content in the order in which it is offered, from which a step takes what somebody has not seen yet."""

from collections.abc import Collection
from typing import Annotated

from pydantic import Field

from nurture.domain.conditions import Facts
from nurture.domain.event import ASSET_DOWNLOADED
from nurture.domain.history import HISTORY, NOW, History, HistoryQuestion, MissingHistory
from nurture.domain.model import Definition, Slug

#: What must be known of somebody's past to know what they have downloaded.
DOWNLOADS = HistoryQuestion((ASSET_DOWNLOADED,))


class Piece(Definition):
    """A piece of a pool: the e-mail that offers it."""

    email: Slug
    """The e-mail's folder in templates/emails/."""
    asset: Slug | None = None
    """The asset that the mail offers; whoever has downloaded it already is not offered it."""


Pool = Annotated[tuple[Piece, ...], Field(min_length=1)]


def next_unseen(pool: Pool, facts: Facts, mailed: Collection[str]) -> Piece | None:
    """The first piece that was not mailed to somebody and whose asset they have not downloaded; None when the pool is exhausted.

    Raises MissingHistory if nobody loaded what they downloaded.
    """
    for piece in pool:
        if piece.email not in mailed and (piece.asset is None or not has_downloaded(piece.asset, facts)):
            return piece
    return None


def has_downloaded(asset: str, facts: Facts) -> bool:
    """Whether somebody has ever downloaded an asset; raises MissingHistory if nobody loaded it."""
    history, now = facts.get(HISTORY), facts.get(NOW)
    if not isinstance(history, History) or now is None:
        raise MissingHistory("a pool asks what somebody downloaded; put the history into the facts")
    return history.count(DOWNLOADS, now, lambda told: told.get("asset") == asset) > 0
