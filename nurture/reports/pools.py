"""The pools of content: what came of each piece, and how many people have seen all of it.

Each figure counts people. A piece is *seen* as a step that takes from the pool sees it: its mail was queued for the person, by
whatever sequence, or they have downloaded its asset. Only what humans downloaded counts.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Row,
    Select,
    String,
    and_,
    case,
    distinct,
    func,
    literal,
    select,
    union,
    union_all,
)  # fmt: skip

from nurture.adapters.database.tables import enrollments, events, messages, people
from nurture.domain.definitions import Definitions
from nurture.domain.event import ASSET_DOWNLOADED
from nurture.domain.mail.message import NEVER_LEFT
from nurture.domain.pools import Pool
from nurture.domain.stepping import EXHAUSTED
from nurture.domain.wording import instead
from nurture.errors import DefinitionError
from nurture.reports.figures import Figures
from nurture.reports.funnel import SENT
from nurture.reports.reading import root, snapshot
from nurture.reports.wording import counted

#: Of the people on a pool's sequences, the share who have seen everything from which on it wants a new piece.
_MANY: Final = 0.1


class PieceFigures(Figures):
    """One piece: to how many people its mail was sent, and how many of them downloaded its asset afterwards (None without one)."""

    email: str
    asset: str | None
    mailed: int
    downloaded: int | None


class PoolStepFigures(Figures):
    """One step that takes from the pool, and how many people found nothing left in it.

    `last_by` is when the last of their runs came to where it stands now, or ended: they ran out then or before.
    """

    sequence: str
    step: str
    ran_out: int
    last_by: datetime | None


class PoolFigures(Figures):
    """One pool, its pieces in the order in which they are offered.

    `readers` are the people who ever were on a sequence that takes from it. `none_left` of them have seen all its pieces, as it
    reads now, and `one_left` all but one.
    """

    pool: str
    pieces: tuple[PieceFigures, ...]
    steps: tuple[PoolStepFigures, ...]
    readers: int
    one_left: int
    none_left: int
    hint: str | None


class Pools(Figures):
    """Every pool asked for."""

    pools: tuple[PoolFigures, ...]


class _Taking(NamedTuple):
    """A step that takes from a pool."""

    pool: str
    sequence: str
    step: str


def pools(engine: Engine, definitions: Definitions, pool: str | None = None) -> Pools:
    """All pools in force, or one of them. Raises DefinitionError for a pool that is not in force; Unavailable."""
    if pool is not None and pool not in definitions.pools:
        raise DefinitionError(f"no pool {pool!r} is in force; {instead(pool, definitions.pools)}")
    asked = {name: pieces for name, pieces in definitions.pools.items() if pool in (None, name)}
    taking = [
        _Taking(step.pool, name, step.id)
        for name, sequence in definitions.sequences.items()
        for step in sequence.pools()
        if step.pool in asked
    ]
    if not asked:
        return Pools(pools=())
    seeing = _Seeing(asked)
    with snapshot(engine) as connection:
        offered = seeing.offered(connection)
        ran_out = _ran_out(connection, taking) if taking else {}
        seen = seeing.seen_by_readers(connection, taking) if taking else {}
    return Pools(
        pools=tuple(
            _figures(name, pieces, offered, [ran_out[each] for each in taking if each.pool == name], seen.get(name, Counter()))
            for name, pieces in asked.items()
        )
    )


def _figures(
    name: str, pieces: Pool, offered: Mapping[tuple[str, int], Row[Any]], steps: Iterable[PoolStepFigures], seen: Counter[int]
) -> PoolFigures:
    """A pool's figures; `seen` is how many readers have seen so many of its pieces."""
    told = []
    for position, piece in enumerate(pieces):
        row = offered.get((name, position))
        downloaded = None if piece.asset is None else row.downloaded if row else 0
        mailed = row.mailed if row else 0
        told.append(PieceFigures(email=piece.email, asset=piece.asset, mailed=mailed, downloaded=downloaded))
    readers, none_left = seen.total(), seen[len(pieces)]
    wanting = none_left > 0 and none_left >= _MANY * readers
    return PoolFigures(
        pool=name, pieces=tuple(told), steps=tuple(steps), readers=readers, one_left=seen[len(pieces) - 1], none_left=none_left,
        hint=f"{counted(none_left, 'person has', 'people have')} seen everything; add a piece to pools.yaml" if wanting else None,
    )  # fmt: skip


class _Seeing:
    """Who was mailed what of the pools, and who downloaded what of them. Each question passes once over the mails and the log."""

    def __init__(self, asked: Mapping[str, Pool]) -> None:
        self._pieces = _table_of_pieces(asked)
        every = [piece for pool in asked.values() for piece in pool]
        self._mailed = _mailed({piece.email for piece in every})
        self._downloaded = _downloaded({piece.asset for piece in every if piece.asset is not None})

    def offered(self, connection: Connection) -> Mapping[tuple[str, int], Row[Any]]:
        """How many people each piece was mailed to, and how many of those got its asset afterwards, by pool and position."""
        piece, mailed, downloaded = self._pieces.c, self._mailed.c, self._downloaded.c
        its_asset = and_(downloaded.person == mailed.person, downloaded.asset == piece.asset)
        afterwards = case((downloaded.at >= mailed.sent_at, 1))
        counting = (
            select(
                piece.pool, piece.position, func.count(mailed.sent_at).label("mailed"), func.count(afterwards).label("downloaded")
            )
            .select_from(
                self._pieces.join(self._mailed, mailed.template == piece.email).outerjoin(self._downloaded, its_asset)
            )
            .group_by(piece.pool, piece.position)
        )  # fmt: skip
        return {(row.pool, row.position): row for row in connection.execute(counting)}

    def seen_by_readers(self, connection: Connection, taking: Iterable[_Taking]) -> Mapping[str, Counter[int]]:
        """How many readers of each pool have seen so many of its pieces."""
        readers, seen = _readers(taking), self._seen()
        theirs = and_(seen.c.pool == readers.c.pool, seen.c.person == readers.c.person)
        each = (
            select(readers.c.pool, func.count(seen.c.position).label("seen"))
            .select_from(readers.outerjoin(seen, theirs))
            .group_by(readers.c.pool, readers.c.person)
            .subquery()
        )
        counting = select(each.c.pool, each.c.seen, func.count().label("people")).group_by(each.c.pool, each.c.seen)
        found: dict[str, Counter[int]] = {}
        for row in connection.execute(counting):
            found.setdefault(row.pool, Counter())[row.seen] = row.people
        return found

    def _seen(self) -> CTE:
        piece, mailed, downloaded = self._pieces.c, self._mailed.c, self._downloaded.c
        what = piece.pool, piece.position
        by_mail = select(*what, mailed.person).join(self._mailed, mailed.template == piece.email)
        by_download = select(*what, downloaded.person).join(self._downloaded, downloaded.asset == piece.asset)
        return union(by_mail, by_download).cte("seen")


def _table_of_pieces(asked: Mapping[str, Pool]) -> CTE:
    rows = [
        select(
            literal(name).label("pool"), literal(position, Integer()).label("position"), literal(piece.email).label("email"),
            literal(piece.asset, String()).label("asset"),
        )
        for name, pool in asked.items()
        for position, piece in enumerate(pool)
    ]  # fmt: skip
    return union_all(*rows).cte("pieces")


def _mailed(emails: Iterable[str]) -> CTE:
    """Who was mailed what, and when first; without an instant while it is on its way."""
    sent_at = func.min(case((messages.c.status.in_(SENT), messages.c.sent_at)))
    which = messages.c.template.in_(sorted(emails)), messages.c.status.not_in(NEVER_LEFT)
    return (
        select(root().label("person"), messages.c.template, sent_at.label("sent_at"))
        .select_from(messages.join(people))
        .where(*which)
        .group_by(root(), messages.c.template)
        .cte("mailed")
    )


def _downloaded(assets: Iterable[str]) -> CTE:
    """Who downloaded what, and when last."""
    asset: ColumnElement[str] = events.c.body["properties"]["asset"].as_string()
    by_human = events.c.name == ASSET_DOWNLOADED, events.c.verdict == "human"
    return (
        select(root().label("person"), asset.label("asset"), func.max(events.c.occurred_at).label("at"))
        .select_from(events.join(people))
        .where(*by_human, asset.in_(sorted(assets)))
        .group_by(root(), asset)
        .cte("downloaded")
    )


def _readers(taking: Iterable[_Taking]) -> CTE:
    """Who ever was on a sequence that takes from a pool."""

    def of(pool: str, sequence: str) -> Select[str, int]:
        on_it = select(literal(pool).label("pool"), root().label("person")).select_from(enrollments.join(people))
        return on_it.where(enrollments.c.sequence == sequence)

    return union(*(of(pool, sequence) for pool, sequence in sorted({each[:2] for each in taking}))).cte("readers")


def _ran_out(connection: Connection, taking: Iterable[_Taking]) -> Mapping[_Taking, PoolStepFigures]:
    """How many people found nothing left, by step."""
    run = enrollments.c
    last_by = func.max(func.coalesce(run.step_since, run.ended_at, run.due_at))

    def at(each: _Taking) -> Select[Any]:
        told = literal(each.pool).label("pool"), literal(each.sequence).label("sequence"), literal(each.step).label("step")
        counting = select(*told, func.count(distinct(root())).label("ran_out"), last_by.label("last_by"))
        exhausted = run.sequence == each.sequence, run.outcomes[each.step].as_string() == EXHAUSTED
        return counting.select_from(enrollments.join(people)).where(*exhausted)

    return {
        _Taking(row.pool, row.sequence, row.step): PoolStepFigures(
            sequence=row.sequence, step=row.step, ran_out=row.ran_out, last_by=row.last_by
        )
        for row in connection.execute(union_all(*(at(each) for each in taking)))
    }
