"""A report in words: names, figures, bars and plots."""

from nurture.reports.sheet import Column, Plot, Remark, Report, Sheet
from nurture.reports.told import told
from nurture.reports.words import ReportWords
from tests.support.sample_report import AT, PERIOD, WORDS, sample_report


def test_every_name_and_figure_is_in_the_language() -> None:
    found = told(sample_report(), "fr", WORDS)
    assert found.period == "2 févr. 2026 – 1 mars 2026 (Europe/Paris)"
    assert found.as_of == "état au 2 mars 2026, 10:00"
    assert found.remarks == ("Late events may still come.",)
    glance = found.sheets[0]
    assert [column.title for column in glance.columns] == ["Figure", "Now", "Before", "Change"]
    assert [[cell.text for cell in row] for row in glance.rows] == [
        ["Visitors", "1\u202f191", "1\u202f004", "×\u202f1,19"],
        ["Visitors who became leads", "4,1\xa0%", "3,9\xa0%", "×\u202f1,06"],
        ["Cost per lead", "1\u202f823,50\xa0€", "–", "–"],
    ]
    assert glance.remarks == ("Only 12 leads: too few to tell whether 4,1\xa0% is more than chance.",)


def test_a_column_is_named_after_what_there_is_one_of_it_for() -> None:
    parts = told(sample_report(), "en", WORDS).sheets[3]
    assert [column.title for column in parts.columns] == ["Channel", "Reached MQL", "Reached customer"]


def test_meanings_stand_with_columns_and_labels() -> None:
    found = told(sample_report(), "en", WORDS)
    assert [column.meaning for column in found.sheets[2].columns] == [
        "",
        "Different people who came.",
        "",
        "What was paid in these days.",
    ]
    assert [row[0].meaning for row in found.sheets[0].rows] == ["Different people who came.", "", "Spend divided by leads."]


def test_bars_are_parts_of_the_largest_of_their_column() -> None:
    channels = told(sample_report(), "en", WORDS).sheets[2]
    assert [row[1].bar for row in channels.rows][:2] == [1.0, 311 / 512]
    assert [row[3].bar for row in channels.rows] == [None, None, 1.0, 0.0, 0.0, 1 / 182_350]
    assert channels.rows[0][0].bar is None


def test_a_total_is_empty_where_there_is_none() -> None:
    total = told(sample_report(), "en", WORDS).sheets[1].total
    assert total is not None
    assert [cell.text for cell in total] == ["", "1,135", "60"]


def test_a_plot_has_short_days_and_written_figures() -> None:
    plot = told(sample_report(), "fr", WORDS).sheets[1].plot
    assert plot is not None
    assert plot.along[:2] == ("2 févr.", "3 févr.")
    assert plot.series[0].title == "Visitors"
    assert (plot.series[0].values[0], plot.series[0].texts[0], plot.first) == (31, "31", 1)


def test_without_rows_there_is_no_plot() -> None:
    assert told(sample_report(), "en", WORDS).sheets[-1].plot is None


def test_what_has_no_words_is_told_by_its_code() -> None:
    sheet = Sheet(
        name="odd", columns=(Column(name="what", kind="label"), Column(name="n", of="mql")), rows=(("thing", 1),),
        plot=Plot(form="bar", along="what", columns=("n_mql",)), remarks=(Remark(code="hm"),),
    )  # fmt: skip
    found = told(Report(name="odd", period=PERIOD, at=AT, currency="EUR", sheets=(sheet,)), "en", ReportWords(title="Odd"))
    assert (found.sheets[0].title, found.sheets[0].columns[1].title) == ("odd", "n_mql")
    assert (found.sheets[0].rows[0][0].text, found.sheets[0].remarks) == ("thing", ("hm",))
