"""What makes leads: forms, assets, channels and content, each with how many of its leads came further."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

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


def sources(kept: Kept) -> Iterator[Sheet]:
    """A sheet for each kind of source."""
    yield _sheet(kept, "forms", "form", "submits", kept.by_key(SUBMITS), BECAME_BY_FORM)
    yield _sheet(kept, "assets", "asset", "downloads", kept.by_key(DOWNLOADS), BECAME_BY_ASSET)
    yield _sheet(kept, "channels", "channel", "visits", kept.by_key(VISITS), BECAME_BY_CHANNEL)
    yield _content(kept)


def _sheet(kept: Kept, name: str, along: str, trials: str, tried: Mapping[str, int], became: str) -> Sheet:
    """What was tried of each source, the leads it made in these days, and how many of these reached the further milestones."""
    further = kept.milestones[1:]
    leads = kept.by_key(became.format(kept.lead))
    rows = []
    for source in _most({*tried, *leads} - {""}, leads, tried):
        n = leads.get(source, 0)
        went_on = [kept.of(became.format(stage), source) for stage in further]
        onward = [value for reached in went_on for value in (reached, *rated(reached, n))]
        rows.append((source, tried.get(source, 0), n, *rated(n, tried.get(source, 0)), *onward))
    of_stages = [column for stage in further for column in (Column(name="onward", of=stage), *rate_columns("onward_rate", stage))]
    unknown = leads.get("", 0)
    return _listed(
        name,
        (Column(name=along, kind="text"), Column(name=trials), Column(name="leads", bar=True), *rate_columns("rate"), *of_stages),
        rows,
        (Remark(code="of_none", values={"n": unknown}),) if unknown else (),
    )


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
