"""Figures as English and French write them."""

import pytest

from nurture.reports.numerals import UNKNOWN, Numerals
from nurture.reports.sheet import Kind, Value

NARROW, WIDE = "\u202f", "\u00a0"

EN, FR = Numerals("en", "EUR", "Europe/Paris"), Numerals("fr", "EUR", "Europe/Paris")


@pytest.mark.parametrize(
    ("kind", "value", "english", "french"),
    [
        ("count", 1_234_567, "1,234,567", f"1{NARROW}234{NARROW}567"),
        ("credit", 12.25, "12.25", "12,25"),
        ("share", 12.345, "1,234.5%", f"1{NARROW}234,5{WIDE}%"),
        ("share", -0.0123, "-1.2%", f"-1,2{WIDE}%"),
        ("money", 123_456, "€1,234.56", f"1{NARROW}234,56{WIDE}€"),
        ("money", -50, "-€0.50", f"-0,50{WIDE}€"),
        ("days", 3.24, "3.2 days", f"3,2{NARROW}j"),
        ("days", 0.1, "2.4 hr", f"2,4{NARROW}h"),
        ("seconds", 200, "3.3 min", f"3,3{WIDE}min"),
        ("seconds", 0, "0 sec", f"0{NARROW}s"),
        ("points", 42.0, "42", "42"),
        ("ratio", 1.234, f"×{NARROW}1.23", f"×{NARROW}1,23"),
        ("day", 20514, "Mar 2, 2026", "2 mars 2026"),
        ("instant", "2026-03-01T23:30:00+00:00", f"Mar 2, 2026, 12:30{NARROW}AM", "2 mars 2026, 00:30"),
        ("text", "= 1", "= 1", "= 1"),
        ("count", None, UNKNOWN, UNKNOWN),
    ],
)
def test_a_figure_is_written_as_the_language_does(kind: Kind, value: Value, english: str, french: str) -> None:
    assert EN.write(kind, value) == english
    assert FR.write(kind, value) == french


def test_money_carries_the_currency_it_is_in() -> None:
    assert Numerals("en", "USD").write("money", 100) == "$1.00"
    assert Numerals("fr", "CHF").write("money", 100) == f"1,00{WIDE}CHF"


def test_an_axis_tells_a_day_without_its_year() -> None:
    assert (EN.short_day(20514), FR.short_day(20514)) == ("Mar 2", "2 mars")


def test_words_are_filled_with_figures() -> None:
    values: dict[str, Value] = {"n": 1_200, "rate": 0.5, "page": "/{n}", "of": None}
    assert FR.fill("{n} de {rate:share} sur {page}, {of:money}", values) == f"1{NARROW}200 de 50,0{WIDE}% sur /{{n}}, –"
    with pytest.raises(ValueError, match="no kind of figure"):
        EN.fill("{n:d}", values)
