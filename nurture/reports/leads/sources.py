"""What makes leads: forms, assets, channels and content, each with how many of its leads came further."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from nurture.domain.measuring.figures import (
    ASSISTED,
    BECAME_BY_ASSET,
    BECAME_BY_CHANNEL,
    BECAME_BY_FORM,
    DOWNLOADS,
    SUBMITS,
    VIEWS,
    VISITS,
)
from nurture.reports.leads.kept import Kept
from nurture.reports.rates import rate_columns, rated
from nurture.reports.sheet import Column, Plot, Remark, Sheet, Value

#: As many rows as a reader looks through.
MOST: Final = 50


class Source(NamedTuple):
    """A kind of source: the name of its sheet, what one of them is called, what is tried of them, and what became of leads by it."""

    sheet: str
    along: str
    trials: str
    tried: str
    became: str


KINDS: Final = (
    Source("forms", "form", "submits", SUBMITS, BECAME_BY_FORM),
    Source("assets", "asset", "downloads", DOWNLOADS, BECAME_BY_ASSET),
    Source("channels", "channel", "visits", VISITS, BECAME_BY_CHANNEL),
)


def sources(kept: Kept) -> Iterator[Sheet]:
    """A sheet for each kind of source, and one of how good their leads are."""
    for kind in KINDS:
        yield _made(kept, kind)
    yield _content(kept)
    yield _further(kept)


def _made(kept: Kept, kind: Source) -> Sheet:
    """What was tried of each source, and the leads it made in these days."""
    tried, leads = kept.by_key(kind.tried), kept.by_key(kind.became.format(kept.lead))
    rows = [
        (source, tried.get(source, 0), leads.get(source, 0), *rated(leads.get(source, 0), tried.get(source, 0)))
        for source in _most({*tried, *leads} - {""}, leads, tried)
    ]
    columns = (
        Column(name=kind.along, kind="text"),
        Column(name=kind.trials),
        Column(name="leads", bar=True),
        *rate_columns("rate"),
    )
    unknown = leads.get("", 0)
    return _listed(kind.sheet, columns, rows, (Remark(code="of_none", values={"n": unknown}),) if unknown else ())


def _further(kept: Kept) -> Sheet:
    """Of the leads that each source made in these days, how many have reached the further milestones by now."""
    rows: list[tuple[Value, ...]] = []
    for kind in KINDS:
        leads = kept.by_key(kind.became.format(kept.lead))
        for source in _most(leads.keys() - {""}, leads):
            went_on = [(stage, kept.of(kind.became.format(stage), source)) for stage in kept.milestones[1:]]
            rows += [(kind.along, source, stage, leads[source], n, *rated(n, leads[source])) for stage, n in went_on]
    columns = (
        Column(name="kind", kind="label"), Column(name="source", kind="text"), Column(name="stage", kind="text"),
        Column(name="leads"), Column(name="onward"), *rate_columns("onward_rate"),
    )  # fmt: skip
    more = (Remark(code="more", values={"n": len(rows) - MOST}),) if len(rows) > MOST else ()
    return Sheet(name="further", columns=columns, rows=tuple(rows[:MOST]), remarks=more)


def _content(kept: Kept) -> Sheet:
    """Pages and free assets by how many leads of these days had read them before."""
    views, leads = kept.by_key(VIEWS), kept.by_key(ASSISTED.format(kept.lead))
    rows = [
        (piece, views.get(piece), leads.get(piece, 0), *rated(leads.get(piece, 0), views.get(piece, 0)))
        for piece in _most({*views, *leads}, leads, views)
    ]
    columns = (Column(name="piece", kind="text"), Column(name="views"), Column(name="leads", bar=True), *rate_columns("rate"))
    return _listed("content", columns, rows)


def _most(sources_: Iterable[str], *worths: Mapping[str, int]) -> list[str]:
    return sorted(sources_, key=lambda source: (*(-worth.get(source, 0) for worth in worths), source))


def _listed(
    name: str, columns: tuple[Column, ...], rows: Sequence[tuple[Value, ...]], remarks: tuple[Remark, ...] = ()
) -> Sheet:  # fmt: skip
    more = (Remark(code="more", values={"n": len(rows) - MOST}),) if len(rows) > MOST else ()
    plot = Plot(form="bar", along=columns[0].key, columns=("leads",))
    return Sheet(name=name, columns=columns, rows=tuple(rows[:MOST]), plot=plot, remarks=(*remarks, *more))
