"""A report in which every kind of figure and every form of plot occurs, with texts that would be markup or orders if they were let."""

from datetime import UTC, datetime

from nurture.reports.sheet import Column, Period, Plot, Remark, Report, Sheet, Value
from nurture.reports.words import ReportWords, SheetWords

#: 2026-02-02 to 2026-03-01.
PERIOD = Period(first=20486, last=20513, timezone="Europe/Paris")
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)

HOSTILE = "</text><script>alert('x')</script>"
FORMULA = '=HYPERLINK("https://evil.test")'

_VISITORS = [31, 28, 45, 47, 44, 12, 9, 38, 41, 52, 49, 51, 15, 11, 44, 48, 61, 58, 57, 19, 14, 55, 58, 72, 66, 70, 22, 18]
_KEY_FIGURES: list[tuple[Value, ...]] = [
    ("visitors", 1_191, 1_004, 1_191 / 1_004), ("conversion", 0.0412, 0.0389, 0.0412 / 0.0389), ("cost", 182_350, None, None),
]  # fmt: skip

WORDS = ReportWords(
    title="Sample",
    about="Everything that a report may hold.",
    sheets={
        "key": SheetWords(title="At a glance", about="These days next to those before."),
        "reach": SheetWords(title="Reach by day"),
        "channels": SheetWords(title="By channel", about="Where visitors came from."),
        "parts": SheetWords(title="Parts of a whole"),
        "funnel": SheetWords(title="Funnel"),
        "kinds": SheetWords(title="Every kind"),
        "empty": SheetWords(title="Nothing here"),
    },
    columns={
        "figure": "Figure", "now": "Now", "before": "Before", "change": "Change", "day": "Day", "visitors": "Visitors",
        "leads": "Leads", "channel": "Channel", "share": "Share", "spent": "Spent", "stage": "Stage", "people": "People",
        "reached": "Reached {of}",
    },
    labels={"visitors": "Visitors", "conversion": "Visitors who became leads", "cost": "Cost per lead", "mql": "MQL"},
    meanings={"visitors": "Different people who came.", "spent": "What was paid in these days.", "cost": "Spend divided by leads."},
    remarks={"few": "Only {n} leads: too few to tell whether {rate:share} is more than chance.", "late": "Late events may still come."},
)  # fmt: skip


def sample_report() -> Report:
    """The report."""
    return Report(
        name="sample", period=PERIOD, at=AT, currency="EUR", remarks=(Remark(code="late"),),
        sheets=(_key_figures(), _reach(), _channels(), _parts(), _funnel(), _kinds(), _nothing()),
    )  # fmt: skip


def _key_figures() -> Sheet:
    figures = [Column(name=name, kind="figure") for name in ("now", "before")]
    return Sheet(
        name="key", columns=(Column(name="figure", kind="label"), *figures, Column(name="change", kind="ratio")),
        rows=tuple(_KEY_FIGURES), kinds=("count", "share", "money"),
        remarks=(Remark(code="few", values={"n": 12, "rate": 0.0412}),),
    )  # fmt: skip


def _reach() -> Sheet:
    days: list[tuple[Value, ...]] = [
        (PERIOD.first + number, visitors, visitors // 17) for number, visitors in enumerate(_VISITORS)
    ]
    return Sheet(
        name="reach", columns=(Column(name="day", kind="day"), Column(name="visitors"), Column(name="leads")), rows=tuple(days),
        total=(None, sum(_VISITORS), 60), plot=Plot(form="line", along="day", columns=("visitors", "leads")),
    )  # fmt: skip


def _channels() -> Sheet:
    rows: list[tuple[Value, ...]] = [
        ("organic_search", 512, 0.43, None), ("direct", 311, 0.261, None), ("paid_search", 204, 0.171, 182_350),
        (HOSTILE, 98, 0.082, -1_250), (FORMULA, 66, 0.055, 0),
        ("/blog/how-to-find-out-whether-your-landing-page-is-read-by-those-who-matter", 3, 0.002, 1),
    ]  # fmt: skip
    columns = (
        Column(name="channel", kind="text"), Column(name="visitors", bar=True), Column(name="share", kind="share"),
        Column(name="spent", kind="money"),
    )  # fmt: skip
    return Sheet(
        name="channels", columns=columns, rows=tuple(rows), total=(None, 1_194, 1.0, 181_101),
        plot=Plot(form="bar", along="channel", columns=("visitors",)),
    )  # fmt: skip


def _parts() -> Sheet:
    columns = (Column(name="channel", kind="text"), Column(name="reached", of="mql"), Column(name="reached", of="customer"))
    return Sheet(
        name="parts", columns=columns, rows=(("guide", 31, 4), ("webinar", 12, 6), ("demo", 0, 0)),
        plot=Plot(form="stacked", along="channel", columns=("reached_mql", "reached_customer")),
    )  # fmt: skip


def _funnel() -> Sheet:
    rows: list[tuple[Value, ...]] = [("audience", 1_191), ("lead", 49), ("mql", 12), ("sql", 5), ("customer", 1)]
    return Sheet(
        name="funnel", columns=(Column(name="stage", kind="label"), Column(name="people")), rows=tuple(rows),
        plot=Plot(form="funnel", along="stage", columns=("people",)),
    )  # fmt: skip


def _kinds() -> Sheet:
    values: dict[str, Value] = {
        "text": "a text", "label": "mql", "day": PERIOD.first, "instant": "2026-03-01T22:30:00+00:00", "count": 1_234_567,
        "credit": 12.25, "share": 0.12345, "money": 123_456, "days": 3.25, "seconds": 200.0, "points": 42.25, "ratio": 1.234,
    }  # fmt: skip
    columns = tuple(Column.model_validate({"name": kind, "kind": kind}) for kind in values)
    unknown: tuple[Value, ...] = ("another", "lead", PERIOD.last, AT.isoformat(), *[None] * 8)
    return Sheet(name="kinds", columns=columns, rows=(tuple(values.values()), unknown))


def _nothing() -> Sheet:
    columns = (Column(name="day", kind="day"), Column(name="leads"))
    return Sheet(name="empty", columns=columns, rows=(), plot=Plot(form="line", along="day", columns=("leads",)))
