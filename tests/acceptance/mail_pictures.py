"""Pictures of every example mail: on a telephone and on a screen, by day and by night.

`python -m tests.acceptance.mail_pictures` writes them into build/mails, with one sheet of four for each mail, to be looked at
whenever a layout or a text has changed.
"""

import os
import shutil
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Final, Literal, NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from nurture.adapters.mail.templates import Templates
from nurture.adapters.mail.writer import MailWriter
from nurture.adapters.tokens import Tokens
from nurture.definitions.loader import load
from nurture.reports.sample_mails import SAMPLE, sample_letter
from tests.adapters.mail.letters import AT

ROOT: Final = Path(__file__).parents[2]
TEMPLATES: Final = ROOT / "templates" / "emails"
FOLDER: Final = ROOT / "build" / "mails"

#: A telephone, and the pane of a mail program: pixels.
WIDTHS: Final = (375, 700)
Scheme = Literal["light", "dark"]
SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")


class Shown(NamedTuple):
    """The HTML of a mail, in one language."""

    name: str
    language: str
    html: str


def mails() -> Iterator[Shown]:
    """Every e-mail of the example in every language, as the sample person gets it."""
    definitions = load(ROOT / "config").definitions
    assert definitions is not None
    writer = MailWriter(TEMPLATES, "https://news.example.com", Tokens("nobody keeps what is signed with it"))
    for name in Templates(TEMPLATES).names():
        for choice in Templates(TEMPLATES).sources(name):
            letter = sample_letter(name, choice.language, sequence="guide-nurture", step="step")
            written = writer.write(letter._replace(facts={**SAMPLE, "language": choice.language}), definitions, AT)
            html = message_from_bytes(written.raw, policy=policy.default).get_body(("html",))
            assert html is not None
            yield Shown(name, choice.language, html.get_content())


def opened(browser: Browser, mail: Shown, width: int, scheme: Scheme) -> Page:
    """The mail in a window of a width, for whoever prefers light or dark; to be closed by the caller."""
    context = browser.new_context(viewport={"width": width, "height": 700}, color_scheme=scheme)
    page = context.new_page()
    page.set_content(mail.html)
    return page


def take(browser: Browser, mail: Shown, folder: Path) -> None:
    """The four pictures of a mail, and the sheet that shows them side by side."""
    files = []
    for width in WIDTHS:
        for scheme in SCHEMES:
            page = opened(browser, mail, width, scheme)
            files.append(folder / f"{mail.name}.{mail.language}.{width}.{scheme}.png")
            page.screenshot(path=files[-1], full_page=True)
            page.context.close()
    sheet = browser.new_page(viewport={"width": 2 * sum(WIDTHS) + 60, "height": 700})
    page_file = folder / "sheet.html"
    page_file.write_text('<body style="margin: 0; display: flex; gap: 20px; align-items: start">' + "".join(
        f'<img src="{file.name}">' for file in files
    ))  # fmt: skip
    sheet.goto(page_file.as_uri())
    sheet.screenshot(path=folder / f"{mail.name}.{mail.language}.png", full_page=True)
    sheet.close()
    page_file.unlink()


def main() -> None:
    """Take all pictures."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with sync_playwright() as playwright:
        chromium = os.environ.get("NURTURE_TEST_CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for mail in mails():
            take(browser, mail, FOLDER)
        browser.close()


if __name__ == "__main__":
    main()
