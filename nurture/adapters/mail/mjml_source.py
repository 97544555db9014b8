"""MJML, in which designers write mails: turned into HTML before Jinja2 is, so that what people typed is never read as MJML.

The compiler knows neither our marks nor Jinja2: it mangles the ones in attributes, and drops attributes that it does not know.
So each mark travels as a plain word, and one that did not arrive is an error, not a condition that is silently gone.
The compiler comes with `nurture[mjml]`, so it is imported inside a function.
"""

import re
from typing import Final

from jinja2 import TemplateSyntaxError

from nurture.adapters.mail.slots import MARK, Slots
from nurture.errors import SettingsError

_WORD: Final = "jinjaslot"
#: Where a line may end without a space to be seen. The compiler writes few lines, and mistakes are told by theirs.
_CELLS: Final = re.compile(r"<(?:tr|td|tbody)\b[^<>]*>|</(?:tr|td)>")

_WORDS: Final = re.compile(rf"{_WORD}(\d+)q")


def html_of(marked: str, slots: Slots) -> str:
    """The HTML of a source whose Jinja2 constructs are marks, with the same marks in it.

    Raises jinja2.TemplateSyntaxError for what is no MJML or would lose a construct, and SettingsError without the compiler.
    """
    try:
        from mjml import mjml2html
    except ModuleNotFoundError:
        raise SettingsError(
            "e-mails in MJML need a package that is not installed; install it with `pip install 'nurture[mjml]'`, "
            "or write the e-mail in HTML or Markdown"
        ) from None
    if _WORD in marked:
        raise TemplateSyntaxError(f"the word {_WORD!r} cannot stand in a mail; write another", 1)
    marks = {found[1]: found[0] for found in MARK.finditer(marked)}
    try:
        # Without fonts: a mail loads no style sheet from elsewhere, which would tell who read it.
        html = str(mjml2html(MARK.sub(lambda found: f"{_WORD}{found[1]}q", marked).strip(), fonts={}))
    except ValueError as error:
        raise TemplateSyntaxError(
            f"this is no MJML ({error}); see that each element is closed and stands where it may", 1
        ) from None
    arrived = set(_WORDS.findall(html))
    for number in marks:
        if number not in arrived and not slots[number].construct.startswith("{#"):
            text = f"{slots[number].construct} would be lost, for MJML knows no such attribute; see how it is written"
            raise TemplateSyntaxError(text, slots[number].line)
    html = _CELLS.sub(r"\g<0>\n", html.replace("<head>", '<head><meta charset="utf-8">', 1))
    return _WORDS.sub(lambda found: marks[found[1]], html)
