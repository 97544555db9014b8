"""The worst first; causes before what follows from them; nothing twice."""

from nurture.reports.doctor.finding import AREA_OF, AREAS, Finding, exit_code, of_problem, worst_first
from nurture.reports.doctor.visit import BOOKS
from nurture.reports.problems import KINDS, problem


def _finding(code: str, level: str, area: str = "redis", follows: str | None = None) -> Finding:
    return Finding.model_validate({"code": code, "level": level, "area": area, "what": code, "follows": follows})


def test_the_worst_first_and_areas_in_their_order() -> None:
    told = worst_first([
        _finding("a", "ok"), _finding("b", "warning", "smtp"), _finding("c", "error", "dns"), _finding("d", "note"),
        _finding("e", "error", "settings"), _finding("f", "warning", "disk"),
    ])  # fmt: skip
    assert [each.code for each in told] == ["e", "c", "f", "b", "d", "a"]


def test_what_causes_an_error_is_one_and_stands_before_it() -> None:
    told = worst_first([_finding("redis-disk", "error", follows="disk-full"), _finding("disk-full", "warning", "disk")])
    assert [(each.code, each.level) for each in told] == [("disk-full", "error"), ("redis-disk", "error")]


def test_what_is_found_twice_is_told_once() -> None:
    told = worst_first([_finding("a", "error"), _finding("a", "error"), _finding("x", "ok"), _finding("x", "ok")])
    assert [each.code for each in told] == ["a", "x", "x"]


def test_the_exit_code_is_that_of_the_worst() -> None:
    assert exit_code([]) == exit_code([_finding("a", "ok"), _finding("b", "note")]) == 0
    assert exit_code([_finding("a", "warning"), _finding("b", "note")]) == 1
    assert exit_code([_finding("a", "warning"), _finding("b", "error")]) == 2


def test_every_problem_of_status_has_an_area() -> None:
    assert AREA_OF.keys() <= KINDS.keys()
    assert {of_problem(problem(code, "x")).area for code in KINDS} <= set(AREAS)


def test_a_code_means_one_thing() -> None:
    codes = [code for book in BOOKS.values() for code in book.codes]
    assert len(codes) == len(set(codes))
    shared = {code for code in codes if code in KINDS}
    assert shared == {"clock-skew"}
    for book in BOOKS.values():
        for code, kind in book.codes.items():
            assert kind.means.endswith("."), code
            assert kind.remedy, code
