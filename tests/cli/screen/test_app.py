"""The live screen: its keys, at every size, whatever there is to see."""

import asyncio
import json
import os
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from nurture.cli.screen.app import TopScreen
from nurture.cli.screen.commands import Done
from nurture.cli.screen.dialogs import Asking, Choosing, Holding, Reading
from nurture.reports.watching import Facts
from tests.cli.screen.sights import EVIL, SIGHTS, facts, sick

LETTERS = {
    "count": 1,
    "letters": [{"id": "1-0", "at": "2026-03-02T09:00:00", "reason": f"it is odd {EVIL}", "name": "page_viewed"}],
}


class Looker:
    """Sees the same again and again."""

    def __init__(self, found: Facts) -> None:
        self.found = found
        self.glances = 0

    def glance(self) -> Facts:
        self.glances += 1
        return self.found

    def study(self) -> None:
        pass


class Runner:
    """Runs no command, and notes which."""

    def __init__(self) -> None:
        self.ran: list[list[str]] = []

    def __call__(self, words: Sequence[str]) -> Done:
        self.ran.append(list(words))
        output = json.dumps(LETTERS) if words[:2] == ["dead", "list"] else f"what came of it {EVIL}[red]x"
        return Done(tuple(words), 0, output)


Play = Callable[[TopScreen, "Pilot[None]"], Awaitable[None]]


def play(app: TopScreen, act: Play, size: tuple[int, int] = (80, 24)) -> None:
    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app._facts is not None)
            await act(app, pilot)

    asyncio.run(run())


async def until(pilot: "Pilot[None]", true: Callable[[], object]) -> None:
    for _ in range(1_000):
        await pilot.pause(0.01)
        if true():
            return
    raise AssertionError("it did not come about")


def screen_of(app: TopScreen) -> list[str]:
    """What the terminal shows."""
    width, height = app.size
    compositor = app.screen._compositor
    lines = compositor.render_strips()
    assert len(lines) == height
    texts = ["".join(segment.text for segment in line) for line in lines]
    assert all(text.isprintable() for text in texts)
    assert all(len(text) <= width or any(ord(each) > 0x2E80 for each in text) for text in texts)
    return texts


@pytest.fixture
def runner() -> Runner:
    return Runner()


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (60, 15), (20, 5)])
def test_every_sight_is_drawn_at_every_size_and_every_dialog_opens(sight: str, size: tuple[int, int], runner: Runner) -> None:
    app = TopScreen(Looker(SIGHTS[sight]()), 5.0, runner)

    async def act(app: TopScreen, pilot: "Pilot[None]") -> None:
        texts = screen_of(app)
        assert "nurture" in texts[0]
        for key in ("question_mark", "w", "p", "e"):
            await pilot.press(key)
            await until(pilot, lambda: len(app.screen_stack) == 2)
            screen_of(app)
            await pilot.press("escape")
            await until(pilot, lambda: len(app.screen_stack) == 1)
        await pilot.press("a", "d")
        await until(pilot, lambda: isinstance(app.screen, Choosing))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Reading))
        screen_of(app)

    play(app, act, size)


def test_at_80_by_24_the_whole_of_a_healthy_engine_is_seen(runner: Runner) -> None:
    async def act(app: TopScreen, pilot: "Pilot[None]") -> None:
        await pilot.pause()
        texts = screen_of(app)
        assert texts[0].startswith(" nurture  HEALTHY")
        assert texts[0].rstrip().endswith("2026-03-02 09:00:07 UTC")
        for word in ("FLOW", "STREAM", "WORKERS 2", "MAIL", "MESSAGES", "BESIDES", "WARNINGS"):
            assert any(text.startswith(f" {word}") for text in texts), word
        assert texts[-1].startswith(" q quit  ? help  s sort: host")
        assert app.screen.max_scroll_x == 0

    play(TopScreen(Looker(facts()), 1.0, runner), act)


def test_s_orders_the_workers(runner: Runner) -> None:
    async def act(app: TopScreen, pilot: "Pilot[None]") -> None:
        await pilot.press("s")
        await pilot.pause()
        assert "sort: busy" in screen_of(app)[-1]

    play(TopScreen(Looker(facts()), 1.0, runner), act)


def test_a_shows_everything_to_be_scrolled(runner: Runner) -> None:
    async def act(app: TopScreen, pilot: "Pilot[None]") -> None:
        await pilot.pause()
        assert app.screen.max_scroll_y == 0
        await pilot.press("a")
        await until(pilot, lambda: app.screen.max_scroll_y > 0)
        await pilot.press("end")
        await until(pilot, lambda: "step cannot be taken 18" in "\n".join(screen_of(app)))

    play(TopScreen(Looker(sick()), 1.0, runner), act)


def test_space_freezes_and_lets_go(runner: Runner) -> None:
    looker = Looker(facts())

    async def act(app: TopScreen, pilot: "Pilot[None]") -> None:
        await pilot.press("space")
        looker.found = sick()
        before = looker.glances
        await until(pilot, lambda: looker.glances > before + 3)
        assert "HEALTHY" in screen_of(app)[0]
        assert "FROZEN" in screen_of(app)[0]
        await pilot.press("space")
        await until(pilot, lambda: "DOWN" in screen_of(app)[0])

    play(TopScreen(looker, 0.02, runner), act)


def test_d_drills_into_a_dead_letter(runner: Runner) -> None:
    async def act(app: TopScreen, pilot: "Pilot[None]") -> None:
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, Choosing))
        assert "it is odd" in "\n".join(screen_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: "what came of it" in "\n".join(screen_of(app)))
        assert runner.ran == [["dead", "list", "--json", "--limit", "200"], ["dead", "show", "--", "1-0"]]
        await pilot.press("escape")
        await until(pilot, lambda: "HEALTHY" in screen_of(app)[0])

    play(TopScreen(Looker(facts()), 1.0, runner), act)


def test_without_dead_letters_it_says_so(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LETTERS, "letters", [])

    async def act(app: TopScreen, pilot: "Pilot[None]") -> None:
        await pilot.press("d")
        await until(pilot, lambda: "there are no dead letters" in screen_of(app)[0])

    play(TopScreen(Looker(facts()), 1.0, runner), act)


def test_e_tells_a_persons_story_whatever_was_typed(runner: Runner) -> None:
    async def act(app: TopScreen, pilot: "Pilot[None]") -> None:
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, Asking))
        app.screen.query_one(Input).value = " --help "
        await pilot.press("enter")
        await until(pilot, lambda: "what came of it" in "\n".join(screen_of(app)))
        assert runner.ran == [["person", "show", "--", "--help"]]
        assert "[red]x" in "\n".join(screen_of(app))  # no markup is read in it

    play(TopScreen(Looker(facts()), 1.0, runner), act)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (["p"], ["pause", "queue", "events"]),
        (["down", "down", "d"], ["drain", "queue", "mail"]),
        (["end", "p"], ["pause", "all"]),
        (["end", "r"], ["resume", "all"]),
    ],
)
def test_p_holds_a_queue_or_everything_and_lets_it_go(keys: list[str], words: list[str], runner: Runner) -> None:
    async def act(app: TopScreen, pilot: "Pilot[None]") -> None:
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, Holding))
        assert len(app.screen.query_one(OptionList).options) == 5
        await pilot.press(*keys)
        await until(pilot, lambda: runner.ran == [words])
        await until(pilot, lambda: "what came of it" in screen_of(app)[0])

    play(TopScreen(Looker(facts()), 1.0, runner), act)


def test_enter_alone_holds_nothing(runner: Runner) -> None:
    async def act(app: TopScreen, pilot: "Pilot[None]") -> None:
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, Holding))
        await pilot.press("enter", "escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        assert runner.ran == []

    play(TopScreen(Looker(facts()), 1.0, runner), act)


def test_q_ends_at_once_though_the_one_who_looks_hangs(runner: Runner) -> None:
    class Hanging(Looker):
        def __init__(self) -> None:
            super().__init__(facts())
            self.goes_on = threading.Event()

        def glance(self) -> Facts:
            if self.glances:
                self.goes_on.wait(60)
            return super().glance()

    looker = Hanging()

    async def act(app: TopScreen, pilot: "Pilot[None]") -> None:
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)

    try:
        play(TopScreen(looker, 0.01, runner), act)
    finally:
        looker.goes_on.set()


def test_what_nobody_has_foreseen_is_said_and_the_screen_goes_on(runner: Runner) -> None:
    class Failing(Looker):
        fails = False

        def glance(self) -> Facts:
            if self.fails:
                raise ZeroDivisionError
            return super().glance()

    looker = Failing(facts())

    async def act(app: TopScreen, pilot: "Pilot[None]") -> None:
        looker.fails = True
        await until(pilot, lambda: "cannot look: ZeroDivisionError" in screen_of(app)[0])
        looker.fails, looker.found = False, sick()
        await until(pilot, lambda: "DOWN" in screen_of(app)[0])

    play(TopScreen(looker, 0.05, runner), act)


def test_without_colours_it_says_the_same(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = TopScreen(Looker(sick()), 1.0, runner)
    assert app.no_color
    os.environ["NO_COLOR"] = "1"  # Textual takes it out of the environment

    async def act(app: TopScreen, pilot: "Pilot[None]") -> None:
        await pilot.pause()
        texts = screen_of(app)
        assert "DOWN" in texts[0]
        assert texts[1].startswith("!! nobody serves the queue mail")

    play(app, act)


def test_an_error_is_told_without_local_variables(runner: Runner, capsys: pytest.CaptureFixture[str]) -> None:
    app = TopScreen(Looker(facts()), 1.0, runner)

    async def act(app: TopScreen, pilot: "Pilot[None]") -> None:
        async def fail() -> None:
            secret = "ana" + "@acme.test"
            raise ValueError(len(secret))

        app.call_later(fail)
        await pilot.pause(0.2)

    with pytest.raises(ValueError, match="13"):
        play(app, act)
    assert "ana@acme.test" not in "".join(map(str, app._exit_renderables)) + capsys.readouterr().err


def test_the_frame_is_one_text_that_knows_no_markup(runner: Runner) -> None:
    async def act(app: TopScreen, pilot: "Pilot[None]") -> None:
        await pilot.pause()
        assert "[bold]" in str(app.screen.query_one("#frame", Static).render())

    play(TopScreen(Looker(SIGHTS["evil"]()), 1.0, runner), act, (160, 60))
