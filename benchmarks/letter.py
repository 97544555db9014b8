"""The letter of the mail benchmark: the same words for the engine and for the twin, some 23 KB on the wire, both parts together."""

import shutil
from pathlib import Path
from typing import Final

from benchmarks.laboratory import ROOT

_LINK: Final = "https://www.example.com/guide/"

SECTIONS: Final = [
    (
        "What a good first page does",
        (
            "A landing page has one promise, one form and one way out. The teams whose pages convert best cut everything else: the "
            "navigation, the carousel, the second button. They say in the first line what the reader will be able to do afterwards, "
            "show what the guide looks like, and ask for no more than they will use within a week. Each field that goes brings more "
            "people through, and the people who are missing a field can be asked later, when they know you."
        ),
    ),
    (
        "How long a form may be",
        (
            "Three fields are plenty for a first meeting: an address, a name, a company. Whatever else sales would like to know can be "
            "learnt from what people read, or asked on the second form, when there is a reason to answer. Long forms do not filter "
            "out the idle; they filter out the busy, who are the ones you want. Test it for a fortnight, and look at how many of the "
            "leads became conversations rather than at how many there were."
        ),
    ),
    (
        "When to write, and when not",
        (
            "Nobody waits for your mail. Two a week is a lot, and three is a habit that readers end for you. Write on working days, in "
            "the reader's own morning, and stop the moment they ask for a meeting. A pause after each mail is part of the message: it "
            "says that you have something else to do, and that the next one will be worth opening."
        ),
    ),
    (
        "What to measure",
        (
            "Count the people who came back, not the mails that were opened: machines open mails too. Watch how many visitors become "
            "leads, how many leads talk to somebody, and how long each takes. Many leads with few conversations mean that the promise "
            "on the page and the product behind it differ. Both can be seen in one table of four numbers, once a month."
        ),
    ),
]

#: How many characters each section has, so that both mails come to 23 KB: the engine's layout brings rules for small screens.
_OURS: Final = 1_720
_TWINS: Final = 2_440

_CELL: Final = (
    'style="padding:0 24px 16px 24px;font-family:Arial,Helvetica,sans-serif;font-size:15px;line-height:22px;color:#333333;"'
)


def _at_length(text: str, length: int) -> str:
    """A text said over and over again."""
    return f"{text} " * (length // len(text)) + text[: length % len(text)]


def write_ours(folder: Path) -> None:
    """A folder of templates with the layouts of the example mails, and the letter in Markdown."""
    shutil.copytree(ROOT / "templates" / "emails" / "_layouts", folder / "_layouts")
    sections = [
        f"## {title}\n\n{_at_length(text, _OURS)}\n\n[Read on]({_LINK}{number})" for number, (title, text) in enumerate(SECTIONS)
    ]
    front = "---\nsubject: Your guide, part one\npreheader: What to read first\n---\n"
    (folder / "letter").mkdir()
    (folder / "letter" / "en.md").write_text("\n\n".join([f"{front}\nHello {{{{ person.first_name }}}},", *sections]) + "\n")


def write_twins(folder: Path) -> None:
    """Its two Jinja2 templates, with the styles written where they are used."""
    folder.mkdir()
    cells = "".join(
        f'<tr><td {_CELL}><h2 style="font-size:18px;line-height:24px;margin:0 0 8px 0;color:#111111;">{title}</h2>\n'
        f'<p style="margin:0 0 12px 0;">{_at_length(text, _TWINS)}</p>\n'
        f'<p style="margin:0;"><a href="{{{{ links[{number}] }}}}" style="color:#1a5fb4;">Read on</a></p></td></tr>\n'
        for number, (title, text) in enumerate(SECTIONS)
    )
    hello = 'Hello {{ person.email.split("@")[0]|title }},'
    (folder / "mail.html").write_text(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Your guide</title></head>\n'
        '<body style="margin:0;padding:0;background:#f4f4f4;"><table role="presentation" width="600">\n'
        f"<tr><td {_CELL}>{hello}</td></tr>\n{cells}"
        '<tr><td><a href="{{ unsubscribe }}">Unsubscribe</a></td></tr></table></body></html>\n'
    )
    texts = "\n\n".join(
        f"{title}\n{_at_length(text, _TWINS)}\nRead on: {{{{ links[{number}] }}}}"
        for number, (title, text) in enumerate(SECTIONS)
    )
    (folder / "mail.txt").write_text(f"{hello}\n\n{texts}\n\nUnsubscribe: {{{{ unsubscribe }}}}\n")
