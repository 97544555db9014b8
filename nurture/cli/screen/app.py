"""The live screen. Two threads look at the engine and post what they see; the screen itself never waits for Redis or the database."""

import json
import math
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widgets import Static

from nurture.adapters.broker import QUEUES
from nurture.cli.screen import commands
from nurture.cli.screen.commands import Done, Runner
from nurture.cli.screen.dialogs import SCROLLING, Asking, Choosing, Holding, Reading
from nurture.cli.screen.frame import fitted, whole
from nurture.cli.screen.help import HELP, keys_line
from nurture.cli.screen.lines import Line, plain
from nurture.cli.screen.view import ORDERS, View

if TYPE_CHECKING:
    from nurture.reports.watching import Facts

_STYLES: Final = {
    "title": "bold reverse", "head": "bold", "dim": "dim", "good": "$text-success", "warn": "bold $text-warning",
    "bad": "bold $text-error", "": "",
}  # fmt: skip


#: Seconds for which what came of a command is shown.
_REMEMBERED: Final = 10.0


class Looking(Protocol):
    """Whoever looks at the engine: `nurture.reports.watching.Watch`."""

    def glance(self) -> "Facts":
        """A frame; quick."""
        ...

    def study(self) -> None:
        """What takes longer, if it is time for it."""
        ...


class Seen(Message):
    """Another frame."""

    def __init__(self, facts: "Facts") -> None:
        super().__init__()
        self.facts = facts


class Failed(Message):
    """There is no frame, and why."""

    def __init__(self, told: str) -> None:
        super().__init__()
        self.told = told


class Ran(Message):
    """A command has ended; what is to be done then."""

    def __init__(self, done: Done, then: Callable[[Done], None]) -> None:
        super().__init__()
        self.done, self.then = done, then


class TopScreen(App[None]):
    """`nurture top`."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { background: $background; scrollbar-size: 0 0; }
    #frame { width: 100%; height: auto; text-wrap: nowrap; text-overflow: clip; }
    #keys { dock: bottom; height: 1; text-wrap: nowrap; text-overflow: clip; color: $text-muted; background: $background; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "quit"), Binding("question_mark", "help", "help"), Binding("s", "sort", "sort"),
        Binding("p", "hold", "hold"), Binding("d", "dead", "dead letters"), Binding("e,slash", "person", "person"),
        Binding("w", "warnings", "warnings"), Binding("a", "all", "all"), Binding("space", "freeze", "freeze"),
        *SCROLLING,
    ]  # fmt: skip

    def __init__(self, watch: Looking, interval: float = 1.0, run: Runner = commands.run, *, ascii_only: bool = False) -> None:
        super().__init__()
        self._watch, self._interval, self._run_command, self._ascii_only = watch, interval, run, ascii_only
        self._facts: Facts | None = None
        self._order, self._everything, self._frozen, self._remark = 0, False, False, ""
        self._forget_at = math.inf
        self._ends = threading.Event()

    def compose(self) -> ComposeResult:
        yield Static(Content(" nurture   looking …"), id="frame")
        yield Static(id="keys")

    def on_mount(self) -> None:
        self._draw()
        # Daemons: whoever presses q does not wait for a server that hangs.
        threading.Thread(target=self._keep_looking, name="top-looks", daemon=True).start()

    def on_unmount(self) -> None:
        self._ends.set()

    def _keep_looking(self) -> None:
        self._look(self._watch.study)
        threading.Thread(target=self._keep_studying, name="top-studies", daemon=True).start()
        while not self._ends.is_set():
            self._look(lambda: self._post(Seen(self._watch.glance())))
            self._ends.wait(self._interval)

    def _keep_studying(self) -> None:
        while not self._ends.wait(self._interval):
            self._look(self._watch.study)

    def _look(self, once: Callable[[], None]) -> None:
        """What nobody has foreseen ends neither the thread nor the screen: it is said, and looked again."""
        try:
            once()
        except Exception as error:  # noqa: BLE001  # whatever it is
            self._post(Failed(f"cannot look: {type(error).__name__}; `nurture top --once` says more"))

    def _post(self, message: Message) -> None:
        with suppress(RuntimeError):  # the screen has just been closed
            self.post_message(message)

    def on_seen(self, message: Seen) -> None:
        if not self._frozen:
            self._facts = message.facts
            self._draw()

    def on_failed(self, message: Failed) -> None:
        self._note(message.told)

    def on_resize(self, _event: Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        if not self.is_running:
            return
        base = self.screen_stack[0]
        width, height = self.size
        view = View(max(width, 1), ORDERS[self._order], self._ascii_only)
        base.query_one("#keys", Static).update(_content([keys_line(view)]))
        if self._facts is None:
            return
        if time.monotonic() > self._forget_at:
            self._remark = ""
        remark = "FROZEN, space goes on" if self._frozen else self._remark
        lines = whole(self._facts, view, remark) if self._everything else fitted(self._facts, view, max(1, height - 1), remark)
        base.query_one("#frame", Static).update(_content(lines))

    def action_sort(self) -> None:
        """Order the workers by something else."""
        self._order = (self._order + 1) % len(ORDERS)
        self._draw()

    def action_all(self) -> None:
        """Everything, to be scrolled, or what fits."""
        self._everything = not self._everything
        self.screen.scroll_home(animate=False)
        self._draw()

    def action_scroll(self, way: str) -> None:
        """Move what does not fit."""
        getattr(self.screen, f"scroll_{way}")(animate=False)

    def action_freeze(self) -> None:
        """Stand still, or go on."""
        self._frozen = not self._frozen
        self._draw()

    def _fatal_error(self) -> None:
        """Textual's own report of an error shows local variables, and with them people."""
        told = traceback.format_exception(self._exception) if self._exception is not None else ["nurture top ended by an error\n"]
        self._exit_renderables.append(Text("".join(told)))
        self._close_messages_no_wait()

    async def action_quit(self) -> None:
        self._ends.set()
        self.exit()

    def action_help(self) -> None:
        self.push_screen(Reading("nurture top", HELP))

    def action_warnings(self) -> None:
        """What processes warned of, whole."""
        found = self._facts.warnings if self._facts is not None else ()
        told = [
            f"{each.at:%Y-%m-%d %H:%M:%S}  {each.level}  {each.process} ({each.host}:{each.pid})\n  {each.text}\n"
            for each in found
        ]
        self.push_screen(Reading("the latest warnings; each process's own log has them all", "\n".join(told) or "none"))

    def action_person(self) -> None:
        """Somebody's story."""
        self.push_screen(Asking("Whose story? Type an e-mail address, or an id", "somebody@example.com"), self._tell_story)

    def _tell_story(self, email: str | None) -> None:
        if email:
            self._read(commands.person(email))

    def _read(self, words: list[str]) -> None:
        """Open what a command prints."""
        reading = Reading(Done(tuple(words), 0, "").typed, "a moment …")
        self.push_screen(reading)
        self._do(words, lambda done: reading.tell(done.output))

    def _do(self, words: list[str], then: Callable[[Done], None]) -> None:
        def work() -> None:
            self._post(Ran(self._run_command(words), then))

        threading.Thread(target=work, name="top-does", daemon=True).start()

    def on_ran(self, message: Ran) -> None:
        message.then(message.done)

    def action_dead(self) -> None:
        """The dead letters, and each with its event."""
        self._note("listing dead letters …", lasting=True)
        self._do(commands.letters(), self._choose_letter)

    def _choose_letter(self, done: Done) -> None:
        self._note("")
        try:
            found = json.loads(done.output)["letters"]
            choices = [(str(each["id"]), commands.line_of(each)) for each in found]
        except (ValueError, KeyError, TypeError):
            self.push_screen(Reading(done.typed, done.output))
            return
        if not choices:
            self._note("there are no dead letters")
            return
        keys = "Enter reason and event   Esc back   `nurture dead retry ID` or `drop ID` decides"
        self.push_screen(Choosing(f"dead letters: {len(choices)}, the oldest first", choices, keys), self._show_letter)

    def _show_letter(self, id_: str | None) -> None:
        if id_ is not None:
            self._read(commands.letter(id_))

    def action_hold(self) -> None:
        """Pause, resume or drain a queue, or everything."""
        held = {each.what: each for each in (self._facts.held if self._facts is not None else ())}
        choices = []
        for queue in (*QUEUES, None):
            what = "everything" if queue is None else f"the queue {queue}"
            state = held.get(what)
            told = f"{state.how} since {state.since:%H:%M:%S} UTC: {state.reason or 'no reason given'}" if state else "runs"
            choices.append((queue or "all", f"{what:20}{told}"))
        keys = "p pause   r resume   d drain   Esc back"
        self.push_screen(Holding("hold a queue of tasks, or everything", choices, keys), self._hold)

    def _hold(self, answer: str | None) -> None:
        if answer is not None:
            verb, _, name = answer.partition(":")
            words = commands.holding(verb, None if name == "all" else name)
            self._note(f"nurture {' '.join(words)} …", lasting=True)
            self._do(words, self._tell_what_came)

    def _tell_what_came(self, done: Done) -> None:
        if done.exit_code:
            self._note("")
            self.push_screen(Reading(done.typed, done.output))
        else:
            self._note(" ".join(done.output.split()) or done.typed)

    def _note(self, text: str, *, lasting: bool = False) -> None:
        """Say something in the first line, for some seconds or until something else is said."""
        self._remark = text
        self._forget_at = math.inf if lasting else time.monotonic() + _REMEMBERED
        self._draw()


def _content(lines: list[Line]) -> Content:
    """Lines as the screen draws them: no markup is read in them."""
    rows = [Content.assemble(*((text, _STYLES[style]) for text, style in line)) if plain(line) else Content("") for line in lines]
    return Content("\n").join(rows)
