"""Content: what is read, heard and downloaded, and what of it had been read by those who went on."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection

from nurture.domain.definitions import Definitions
from nurture.domain.measuring.figures import (
    ASSISTED,
    DEEP,
    DOWNLOADS,
    PATHS,
    PLAYS,
    REACHED,
    REACHED_BY_ASSET,
    SECONDS,
    VIEWS,
)
from nurture.reports.comparing import share
from nurture.reports.rollups import by_figure_and_key
from nurture.reports.sheet import Column, Period, Plot, Remark, Report, Sheet, Value
from nurture.reports.stages import milestones, reached

#: As many pages, plays or paths as a reader looks through; the total below them is of all.
MOST: Final = 100


class Kept(NamedTuple):
    """What roll-ups say of content in a period: figures by their keys. `stages` are those that have a column each."""

    sums: Mapping[tuple[str, str], int]
    stages: tuple[str, ...]

    def of(self, figure: str, key: str = "") -> int:
        return self.sums.get((figure, key), 0)

    def total(self, figure: str) -> int:
        return sum(n for (each, _), n in self.sums.items() if each == figure)

    def keys(self, *figures: str) -> set[str]:
        return {key for figure, key in self.sums if figure in figures}

    def by_stage(self, figure: str, key: str) -> tuple[int, ...]:
        """A figure that there is one of for each stage."""
        return tuple(self.of(figure.format(stage), key) for stage in self.stages)

    def share_of_leads(self, piece: str) -> float | None:
        """The share of those who became a lead (or what the first stage is called) who had read it before."""
        lead = self.stages[0]
        return share(self.of(ASSISTED.format(lead), piece), self.of(REACHED.format(lead)))


def build(connection: Connection, definitions: Definitions, period: Period, at: datetime) -> Report:
    """The report on content, from one question to the roll-ups."""
    kept = _kept(connection, definitions, period)
    sheets = (_pages(kept), _assets(kept, definitions), _plays(kept), _paths(kept), _coverage(kept, definitions))
    return Report(name="content", period=period, at=at, currency=definitions.reporting.currency, sheets=sheets)


def _kept(connection: Connection, definitions: Definitions, period: Period) -> Kept:
    """All that is kept of content."""
    of_people = (REACHED, REACHED_BY_ASSET, ASSISTED, PATHS)
    by_stage = [figure.format(stage) for figure in of_people for stage in reached(definitions.lifecycle)]
    wanted = [VIEWS, SECONDS, DEEP, PLAYS, DOWNLOADS, *by_stage]
    return Kept(by_figure_and_key(connection, wanted, period), milestones(definitions.lifecycle))


def is_page(piece: str) -> bool:
    """Whether a piece of content is a page; else it is an asset."""
    return piece.startswith("/")


def _pages(kept: Kept) -> Sheet:
    read_before = kept.keys(*(ASSISTED.format(stage) for stage in kept.stages))
    pages = kept.keys(VIEWS, SECONDS, DEEP).union(filter(is_page, read_before))
    most_viewed = _most(pages, lambda page: kept.of(VIEWS, page))
    views, seconds, deep = kept.total(VIEWS), kept.total(SECONDS), kept.total(DEEP)
    return _listed(
        "pages",
        (
            Column(name="page", kind="text"), Column(name="views", bar=True), Column(name="seconds", kind="seconds"),
            Column(name="seconds_per_view", kind="seconds"), Column(name="deep"), Column(name="deep_share", kind="share"),
            *_columns("assisted", kept.stages), Column(name="share_of_leads", kind="share"),
        ),
        [(page, *_page(kept, page)) for page in most_viewed],
        total=(None, views, seconds, share(seconds, views), deep, share(deep, views), *(None for _ in kept.stages), None),
    )  # fmt: skip


def _page(kept: Kept, page: str) -> tuple[Value, ...]:
    views, seconds, deep = kept.of(VIEWS, page), kept.of(SECONDS, page), kept.of(DEEP, page)
    attention = (views, seconds, share(seconds, views), deep, share(deep, views))
    return (*attention, *kept.by_stage(ASSISTED, page), kept.share_of_leads(page))


def _assets(kept: Kept, definitions: Definitions) -> Sheet:
    """Every asset that is on offer, also those that nobody took; and those of before that somebody took."""
    named = {*definitions.assets, *kept.keys(DOWNLOADS, *(REACHED_BY_ASSET.format(stage) for stage in kept.stages))}
    most_taken = _most(named, lambda asset: kept.of(DOWNLOADS, asset))
    return _listed(
        "assets",
        (
            Column(name="asset", kind="text"), Column(name="gated", kind="label"), Column(name="downloads", bar=True),
            *_columns("made", kept.stages), *_columns("assisted", kept.stages),
        ),
        [
            (asset, _gate(definitions, asset), kept.of(DOWNLOADS, asset),
             *kept.by_stage(REACHED_BY_ASSET, asset), *kept.by_stage(ASSISTED, asset))
            for asset in most_taken
        ],
        total=(None, None, kept.total(DOWNLOADS), *(kept.total(REACHED_BY_ASSET.format(stage)) for stage in kept.stages),
               *(None for _ in kept.stages)),
    )  # fmt: skip


def _gate(definitions: Definitions, asset: str) -> str:
    known = definitions.assets.get(asset)
    return "unknown" if known is None else "gated" if known.gated else "free"


def _plays(kept: Kept) -> Sheet:
    played = _most(kept.keys(PLAYS), lambda title: kept.of(PLAYS, title))
    columns = (Column(name="title", kind="text"), Column(name="plays", bar=True))
    return _listed("plays", columns, [(title, kept.of(PLAYS, title)) for title in played], total=(None, kept.total(PLAYS)))


def _paths(kept: Kept) -> Sheet:
    """From a page that was read, to the asset that made its reader a lead, and on."""
    lead = kept.stages[0]
    ways = kept.keys(*(PATHS.format(stage) for stage in kept.stages))
    most_gone = _most(ways, lambda way: kept.of(PATHS.format(lead), way))
    rows = []
    for way in most_gone:
        asset, _, page = way.partition(" ")
        part = share(kept.of(PATHS.format(lead), way), kept.of(REACHED_BY_ASSET.format(lead), asset))
        rows.append((page, asset, *kept.by_stage(PATHS, way), part))
    columns = (
        Column(name="page", kind="text"), Column(name="asset", kind="text"), *_columns("on_path", kept.stages),
        Column(name="share_of_asset", kind="share"),
    )  # fmt: skip
    return _listed("paths", columns, rows)


def _coverage(kept: Kept, definitions: Definitions) -> Sheet:
    """How much of the content those had read who reached a stage."""
    rows = tuple((stage, *_covering(kept, stage)) for stage in reached(definitions.lifecycle))
    idle = kept.keys(VIEWS) - kept.keys(*(ASSISTED.format(stage) for stage in reached(definitions.lifecycle)))
    return Sheet(
        name="coverage",
        columns=(
            Column(name="stage", kind="text"), Column(name="people"), Column(name="pieces"), Column(name="strongest", kind="text"),
            Column(name="strongest_share", kind="share"),
        ),
        rows=rows,
        remarks=(Remark(code="idle", values={"n": len(idle), "of": len(kept.keys(VIEWS))}),) if idle else (),
    )  # fmt: skip


def _covering(kept: Kept, stage: str) -> tuple[Value, ...]:
    assisted, people = ASSISTED.format(stage), kept.of(REACHED.format(stage))
    strongest = next(iter(_most(kept.keys(assisted), lambda piece: kept.of(assisted, piece))), None)
    part = share(kept.of(assisted, strongest), people) if strongest else None
    return people, len(kept.keys(assisted)), strongest, part


def _columns(name: str, stages: Iterable[str]) -> tuple[Column, ...]:
    return tuple(Column(name=name, of=stage) for stage in stages)


def _most(keys: Iterable[str], worth: Callable[[str], int]) -> list[str]:
    """The keys that are worth most first."""
    return sorted(keys, key=lambda key: (-worth(key), key))


def _listed(
    name: str, columns: tuple[Column, ...], rows: list[tuple[Value, ...]], total: tuple[Value, ...] | None = None
) -> Sheet:
    """A sheet of things; of many, the first, with a remark that there are more."""
    along, *_ = columns
    more = (Remark(code="more", values={"n": len(rows) - MOST}),) if len(rows) > MOST else ()
    drawn = next((column.key for column in columns if column.bar), None)
    plot = Plot(form="bar", along=along.key, columns=(drawn,)) if drawn else None
    return Sheet(name=name, columns=columns, rows=tuple(rows[:MOST]), total=total, plot=plot, remarks=more)
