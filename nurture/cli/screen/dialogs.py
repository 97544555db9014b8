"""What opens over the frame: help, a list to choose from, a text to read, a question. `Esc` closes each."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from nurture.cli.screen.lines import clean_keeping_spaces

#: All of the terminal: over ssh every column counts.
_CSS: Final = """
    align: center middle;
    background: $background;
    & > * { width: 100%; height: 100%; background: $background; scrollbar-size-vertical: 1; }
    .title { height: 1; text-style: bold; text-wrap: nowrap; text-overflow: ellipsis; }
    .keys { height: 1; dock: bottom; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    OptionList, VerticalScroll, Input { border: none; background: $background; padding: 0; }
    Input { height: 1; }
"""


#: The keys that move a text.
SCROLLING: Final = tuple(
    Binding(key, f"scroll('{way}')", show=False)
    for key, way in (
        ("down,j", "down"), ("up,k", "up"), ("pagedown", "page_down"), ("pageup", "page_up"), ("home", "home"), ("end", "end"),
    )
)  # fmt: skip


def _text(text: str) -> Content:
    """Text that is shown as it is: no markup, no escape sequence."""
    return Content("\n".join(clean_keeping_spaces(line.expandtabs(4)) for line in text.splitlines()))


class Reading(ModalScreen[None]):
    """A text to read, which can be scrolled."""

    CSS = f"Reading {{ {_CSS} }}"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "close", "close"), *SCROLLING]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(_text(f" {self._title}"), classes="title")
            with VerticalScroll(can_focus=False):
                yield Static(_text(self._text), id="text")
            yield Static(" Esc back   arrows, PgUp, PgDn move", classes="keys")

    def tell(self, text: str) -> None:
        """Put another text in its place, when it has come."""
        self._text = text
        if self.is_mounted:
            self.query_one("#text", Static).update(_text(text))

    def action_close(self) -> None:
        self.dismiss(None)

    def action_scroll(self, way: str) -> None:
        getattr(self.query_one(VerticalScroll), f"scroll_{way}")(animate=False)


class Choosing(ModalScreen[str | None]):
    """A list; the id of what was chosen, or None."""

    CSS = f"Choosing {{ {_CSS} }}"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "close", "close")]

    def __init__(self, title: str, choices: Sequence[tuple[str, str]], keys: str) -> None:
        super().__init__()
        self._title, self._choices, self._keys = title, choices, keys

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(_text(f" {self._title}"), classes="title")
            yield OptionList(*(Option(_text(text), id=id_) for id_, text in self._choices))
            yield Static(_text(f" {self._keys}"), classes="keys")

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.enter(event.option.id)

    def enter(self, chosen: str | None) -> None:
        """Enter was pressed."""
        self.dismiss(chosen)

    def action_close(self) -> None:
        self.dismiss(None)


class Holding(Choosing):
    """Queues, and what is to be done with the one that is chosen: the answer is `pause:mail`. Enter alone does nothing."""

    CSS = f"Holding {{ {_CSS} }}"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "do('pause')", "pause"), Binding("r", "do('resume')", "resume"), Binding("d", "do('drain')", "drain"),
    ]  # fmt: skip

    def enter(self, chosen: str | None) -> None:
        """Enter alone holds nothing."""

    def action_do(self, verb: str) -> None:
        chosen = self.query_one(OptionList).highlighted_option
        if chosen is not None:
            self.dismiss(f"{verb}:{chosen.id}")


class Asking(ModalScreen[str | None]):
    """A question that is answered by typing; None if it was not."""

    CSS = f"Asking {{ {_CSS} }}"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "close")]

    def __init__(self, title: str, hint: str) -> None:
        super().__init__()
        self._title, self._hint = title, hint

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(_text(f" {self._title}"), classes="title")
            yield Input(placeholder=self._hint, compact=True)
            yield Static(" Enter look   Esc back", classes="keys")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)

    def action_close(self) -> None:
        self.dismiss(None)
