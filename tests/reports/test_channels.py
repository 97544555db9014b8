"""The report on channels, from roll-ups written by hand; `test_channels_figures.py` holds it against the log."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from nurture.domain.measuring.figures import CREDIT, MODELS, WHOLE
from nurture.reports.channels import Credits, build
from nurture.reports.sheet import Period, Report
from tests.reports.filled import Figures, by, fill, rows, sheet, spent, total
from tests.support.definitions import definitions

AT = datetime(2026, 3, 20, 8, 0, tzinfo=UTC)
DAY = 20_514

#: Three leads: one found us by search and came back by a mail, two came directly. Each model shares out the three.
FIGURES: Figures = {
    ("visits", DAY, "organic-search"): 30, ("visits", DAY, "direct"): 60, ("visits", DAY, "email"): 10,
    ("reached:lead", DAY, ""): 3, ("reached:mql", DAY, ""): 1,
    **{(f"credit:{model}:lead", DAY, "direct"): 2 * WHOLE for model in MODELS},
    ("credit:first:lead", DAY, "organic-search"): WHOLE, ("credit:last:lead", DAY, "email"): WHOLE,
    ("credit:promoting:lead", DAY, "email"): WHOLE,
    **{(f"credit:{model}:lead", DAY, channel): WHOLE // 2 for model in ("linear", "position") for channel in ("organic-search", "email")},
    **{(f"credit:{model}:mql", DAY, "referral"): WHOLE for model in MODELS},
    ("campaign-credit:last:lead", DAY, "spring"): WHOLE, ("campaign-credit:last:mql", DAY, "autumn"): WHOLE,
}  # fmt: skip


def report(engine: Engine, figures: Figures = FIGURES) -> Report:
    with engine.begin() as connection:
        fill(connection, figures)
        return build(connection, definitions(), Period(first=DAY, last=DAY), AT)


def test_a_channel_is_told_with_its_visits_and_those_credited_to_it(migrated_engine: Engine) -> None:
    told = report(migrated_engine)
    channels = by(told, "channels", "channel")
    assert [*channels] == ["direct", "organic-search", "email", "referral"]
    assert channels["email"] == {
        "channel": "email", "visits": 10, "share": 0.1, "credited_lead": 1, "credited_mql": 0, "credited_customer": 0, "conversion": 0.1,
    }  # fmt: skip
    assert (channels["referral"]["credited_mql"], channels["referral"]["conversion"]) == (1, None)
    assert (total(told, "channels")["visits"], total(told, "channels")["credited_lead"]) == (100, 3)


def test_models_stand_side_by_side_and_come_to_the_people_there_are(migrated_engine: Engine) -> None:
    told = report(migrated_engine)
    leads = {row["channel"]: [row[model] for model in MODELS] for row in rows(told, "models") if row["stage"] == "lead"}
    assert leads == {"direct": [2, 2, 2, 2, 2], "email": [0, 1, 0.5, 0.5, 1], "organic-search": [1, 0, 0.5, 0.5, 0]}
    totals = by(told, "totals", "stage")
    assert [totals["lead"][name] for name in ("people", *MODELS)] == [3] * 6
    assert [totals["mql"][name] for name in ("people", *MODELS)] == [1] * 6


def test_campaigns_are_told_by_what_they_brought(migrated_engine: Engine) -> None:
    assert [(row["campaign"], row["credited_lead"], row["credited_mql"]) for row in rows(report(migrated_engine), "campaigns")] == [
        ("spring", 1, 0), ("autumn", 0, 1),
    ]  # fmt: skip


def test_what_a_channel_costs_is_shared_out_to_those_credited_to_it(migrated_engine: Engine) -> None:
    """Two days of the ten for which 500 euros were spent are asked for."""
    with migrated_engine.begin() as connection:
        fill(connection, {**FIGURES, ("campaign-credit:last:lead", DAY, ""): 2 * WHOLE})
        spent(connection, 50_000, DAY, DAY + 9, channel="direct")
        spent(connection, 1_000, DAY - 9, DAY, channel="affiliates")
        spent(connection, 9_000, DAY, DAY + 1, campaign="spring")
        spent(connection, 9_000, DAY, DAY + 1, campaign="unheard", currency="USD")
        told = build(connection, definitions(), Period(first=DAY, last=DAY + 1), AT)
    assert rows(told, "costs") == [
        {"channel": "direct", "spent": 10_000, "cost_of_lead": 5_000, "cost_of_mql": None, "cost_of_customer": None},
        {"channel": "affiliates", "spent": 100, "cost_of_lead": None, "cost_of_mql": None, "cost_of_customer": None},
    ]
    assert [(row["campaign"], row["spent"], row["cost_of_lead"]) for row in rows(told, "campaigns")] == [
        ("spring", 9_000, 9_000), ("autumn", None, None),
    ]  # fmt: skip
    assert [remark.code for remark in sheet(told, "costs").remarks] == ["other_currencies"]


def test_where_nothing_was_spent_that_is_said(migrated_engine: Engine) -> None:
    told = report(migrated_engine)
    assert (rows(told, "costs"), [remark.code for remark in sheet(told, "costs").remarks]) == ([], ["nothing_spent"])


@given(st.lists(st.integers(1, 5 * WHOLE), min_size=1, max_size=12))
def test_what_is_shown_of_credits_adds_up_to_the_total_that_is_shown(credited: list[int]) -> None:
    """Thirds of people are shown as 0.33, 0.33 and 0.34."""
    figure = CREDIT.format("linear", "lead")
    found = Credits(CREDIT, {(figure, f"channel-{n}"): millionths for n, millionths in enumerate(credited)})
    shown = sum(round(each * 100) for each in found.of("linear", "lead").values())
    assert shown == round(sum(credited) * 100 / WHOLE)
