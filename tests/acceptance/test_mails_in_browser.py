"""The example mails in a real Chromium: nothing wider than a telephone, everything readable by day and by night, buttons for thumbs."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from nurture.adapters.mail.linting.colours import colour, contrast
from tests.acceptance.mail_pictures import SCHEMES, WIDTHS, Scheme, Shown, mails

pytestmark = pytest.mark.browser

#: Each text that shows, with its colour and that of the nearest ground behind it.
_TEXTS = """() => {
  const ground = element => {
    for (; element; element = element.parentElement) {
      const painted = getComputedStyle(element).backgroundColor;
      if (painted !== "rgba(0, 0, 0, 0)") return painted;
    }
    return "rgb(255, 255, 255)";
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node; node = walker.nextNode();)
    if (node.textContent.trim() && node.parentElement.getClientRects().length)
      found.push([node.textContent.trim(), getComputedStyle(node.parentElement).color, ground(node.parentElement)]);
  return found;
}"""


def faults(page: Page, width: int, scheme: Scheme) -> list[str]:
    """What is wrong with a mail in a window of a width, for whoever prefers a scheme."""
    page.set_viewport_size({"width": width, "height": 700})
    page.emulate_media(color_scheme=scheme)
    found = []
    if page.evaluate("document.documentElement.scrollWidth") > width:
        found.append("wider than the window")
    texts: list[tuple[str, str, str]] = page.evaluate(_TEXTS)
    assert len(texts) > 8
    for text, ink, ground in texts:
        one, other = colour(ink), colour(ground)
        assert one is not None
        assert other is not None
        if contrast(one, other) < 4.5:
            found.append(f"{text!r}: {ink} on {ground}")
    boxes: list[dict[str, Any]] = page.evaluate(
        "[...document.querySelectorAll('.button a')].map(each => each.getBoundingClientRect().toJSON())"
    )
    # 44 pixels is what a thumb wants (WCAG 2.2, target size); a button of two lines is a sentence.
    found += [f"a button {box['height']} high" for box in boxes if not 44 <= box["height"] <= 60]
    return found


def test_every_mail_can_be_read_and_tapped(chromium: Browser) -> None:
    wrong = []
    with chromium.new_context() as context:
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for mail in mails():
            page.set_content(mail.html)
            wrong += [
                f"{mail.name}.{mail.language} {width} {scheme}: {fault}"
                for width in WIDTHS
                for scheme in SCHEMES
                for fault in faults(page, width, scheme)
            ]
    assert wrong == []
    assert asked == [], "mails ask for nothing from elsewhere"


def test_a_fault_would_be_seen(chromium: Browser) -> None:
    pale = "<p style='color: #999; background: #fff'>Pale</p>" * 9 + "<div style='width: 900px'>wide</div>"
    mail = Shown("bad", "en", f"<body>{pale}<span class='button'><a style='display: block; height: 9px'>x</a></span></body>")
    with chromium.new_context() as context:
        page = context.new_page()
        page.set_content(mail.html)
        found = faults(page, 375, "light")
    assert {"wider than the window", "a button 9 high"} <= set(found)
    assert "'Pale': rgb(153, 153, 153) on rgb(255, 255, 255)" in found
