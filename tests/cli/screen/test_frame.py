"""A frame is never wider or higher than it may be, shows what matters most, and stands still."""

import pytest

from nurture.cli.screen.frame import fitted, whole
from nurture.cli.screen.lines import plain, width_of
from nurture.cli.screen.view import ORDERS, View
from tests.cli.screen.sights import EVIL, SIGHTS, blind, facts, sick, stream, worker

SIZES = [(80, 23), (120, 39), (60, 14), (200, 60), (40, 10), (20, 3), (1, 1), (79, 24), (109, 30), (110, 30)]


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_frame_fits_and_holds_nothing_that_could_change_the_terminal(
    sight: str, width: int, height: int, ascii_only: bool
) -> None:
    view = View(width, ascii_only=ascii_only)
    lines = fitted(SIGHTS[sight](), view, height, EVIL)
    assert len(lines) == height
    for line in [*lines, *whole(SIGHTS[sight](), view)]:
        assert width_of(line) <= width
        assert all(text.isprintable() for text, _ in line)


@pytest.mark.parametrize("sight", ["healthy", "sick", "blind"])
@pytest.mark.parametrize("width", [80, 120])
def test_at_a_usual_width_no_figure_is_cut(sight: str, width: int) -> None:
    for line in whole(SIGHTS[sight](), View(width)):
        assert "…" not in plain(line) or "reason" in plain(line), plain(line)


def test_for_a_terminal_that_knows_only_ascii_there_is_nothing_else() -> None:
    for sight in SIGHTS.values():
        assert "\n".join(plain(line) for line in whole(sight(), View(80, ascii_only=True))).isascii()


def shown(*arguments: object) -> str:
    return "\n".join(plain(line) for line in fitted(*arguments))  # type: ignore[arg-type]  # as they come


def test_everything_of_a_healthy_engine_fits_into_80_by_24() -> None:
    text = shown(facts(), View(80), 23)
    for word in ("HEALTHY", "FLOW", "STREAM", "DUE", "WORKERS", "MAIL", "SEQUENCES", "MESSAGES", "BESIDES", "WARNINGS", "p3"):
        assert word in text
    assert "more: press a" not in text


@pytest.mark.parametrize(("width", "height"), [(80, 23), (60, 14)])
def test_what_is_wrong_and_its_remedy_stand_first_where_there_is_little_room(width: int, height: int) -> None:
    lines = [plain(line) for line in fitted(sick(), View(width), height)]
    assert "DOWN" in lines[0]
    assert lines[1] == "!! nobody serves the queue mail"
    assert "`nurture worker --queues mail`" in lines[2]
    assert any(line.startswith(" FLOW") for line in lines)


def test_what_is_left_out_is_said() -> None:
    text = shown(sick(), View(80), 30)
    assert "more: press a" in text
    everything = "\n".join(plain(line) for line in whole(sick(), View(80)))
    assert "more: press a" not in everything
    assert everything.count("h9") == 1


def test_of_many_partitions_those_are_shown_in_which_most_lies_and_all_are_counted() -> None:
    (titles,) = [plain(line) for line in whole(sick(), View(80)) if "STREAM" in plain(line)]
    assert titles.split()[:6] == ["STREAM", "all", "p0", "p1", "p2", "p17"]
    assert " waiting   12.3k     0     0     0 12.3k" in "\n".join(plain(line) for line in whole(sick(), View(80)))


def test_with_redis_and_database_away_the_screen_says_so_and_asks_nobody_to_guess() -> None:
    text = shown(blind(), View(80), 23)
    for told in (
        "DOWN",
        "Redis silent for 1 min",
        "Redis does not answer (ConnectionError)",
        "the database does not answer",
        "–",
    ):
        assert told in text


def test_nothing_moves_when_only_figures_change() -> None:
    def places(lines: list[str]) -> list[tuple[int, str]]:
        return [(number, line.split()[0]) for number, line in enumerate(lines) if line.strip()]

    one = [plain(line) for line in fitted(facts(), View(80), 23)]
    other = facts(
        flow={name: each.model_copy(update={"now": 9_999.0}) for name, each in facts().flow.items()},
        stream=stream(workers=0).model_copy(
            update={"workers": (worker(1, busy=1.0, memory=1 << 34, restarts=999), worker(2, busy=0.0))}
        ),
    )
    two = [plain(line) for line in fitted(other, View(80), 23)]
    assert places(one) == places(two)
    columns = [line.index("runs") for line in (*one, *two) if line.startswith(" WORKERS")]
    assert columns[0] == columns[1]


@pytest.mark.parametrize(("order", "first"), [("host", "h1"), ("busy", "h3"), ("memory", "h2"), ("died", "h4"), ("age", "h5")])
def test_workers_are_ordered_as_wished(order: str, first: str) -> None:
    from datetime import timedelta

    from tests.cli.screen.sights import AT

    found = (
        worker(1), worker(3, busy=0.9), worker(2, memory=1 << 40), worker(4, restarts=2), worker(5, started=AT - timedelta(days=9)),
    )  # fmt: skip
    seen = facts(stream=stream(workers=0).model_copy(update={"workers": found}))
    lines = [plain(line) for line in whole(seen, View(80, order))]
    row = next(number for number, line in enumerate(lines) if line.startswith(" WORKERS")) + 1
    assert lines[row].split()[0] == first
    assert set(ORDERS) == {"host", "busy", "memory", "died", "age"}


def test_the_same_warning_again_and_again_is_told_once() -> None:
    text = "\n".join(plain(line) for line in whole(sick(), View(80)))
    assert text.count("send stopped why=") == 1
    assert "×13" in text
