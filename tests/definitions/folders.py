"""Configuration folders for tests, with the place of an expected mistake marked in the text by `»`."""

from pathlib import Path
from typing import NamedTuple

from nurture.definitions.loader import TemplateProblems, load

MARK = "»"

#: A small folder without mistakes.
FILES = {
    "scoring.yaml": """\
rules:
  - {id: read, on: page_viewed, points: 2}
fit:
  - {id: boss, when: {job_title: chief}, points: 60}
""",
    "lifecycle.yaml": """\
promotions:
  - {id: download, to: lead, on: asset_downloaded}
  - {id: hot, to: mql, when: {engagement: {at_least: 50}}}
""",
    "assets.yaml": """\
assets:
  guide: {title: {en: The guide}, file: guide.pdf, gated: true}
""",
    "forms.yaml": """\
forms:
  guide: {asset: guide, deliver: redirect}
""",
    "sending.yaml": """\
sender: {name: Anna, email: anna@example.com}
organisation: {name: Example, address: Paris, privacy_url: "https://www.example.com/privacy"}
quiet_hours: {hours: "20:00-08:00"}
""",
    "sequences/nurture.yaml": """\
sequence: nurture
trigger: {promoted_to: lead}
steps:
  - {id: thanks, email: thanks}
""",
    "guide.pdf": "%PDF",
}


class Told(NamedTuple):
    """What was said of a file, with its place."""

    file: str
    line: int
    column: int
    text: str


def write(folder: Path, **changed: str) -> Path:
    """The small folder with some files changed; their names are written with `__` for `/` and without `.yaml`."""
    texts = {**FILES, **{f"{name.replace('__', '/')}.yaml": text for name, text in changed.items()}}
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def told(folder: Path, template_problems: TemplateProblems | None = None) -> list[Told]:
    """All mistakes of a folder, with files as they are named inside it, and warnings marked so."""
    return [
        Told(
            str(Path(mistake.file).relative_to(folder)),
            mistake.line,
            mistake.column,
            str(mistake).partition(f":{mistake.line}:{mistake.column}: ")[2],
        )
        for mistake in load(folder, template_problems).mistakes
    ]


def marked(file: str, text: str, *messages: str) -> tuple[str, list[Told]]:
    """The text without its marks, and the mistakes expected at them, in their order."""
    expected = []
    for message in messages:
        before, _, after = text.partition(MARK)
        expected.append(Told(file, before.count("\n") + 1, len(before) - before.rfind("\n"), message))
        text = before + after
    assert MARK not in text, "there are more marks than messages"
    return text, expected
