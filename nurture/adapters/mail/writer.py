"""Letters into mail: the template in the reader's language, both parts, the header."""

from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from nurture.adapters.mail import plain
from nurture.adapters.mail.blocks import Blocks, whole
from nurture.adapters.mail.head import envelope_sender, head_of
from nurture.adapters.mail.inlining import Inliner
from nurture.adapters.mail.links import LINK
from nurture.adapters.mail.linting.expected import context_of, ensure_sound
from nurture.adapters.mail.linting.mail import Shown
from nurture.adapters.mail.mime import Part, assemble
from nurture.adapters.mail.person import PersonFacts
from nurture.adapters.mail.reader_links import OwnLinks, ReaderLinks
from nurture.adapters.mail.signing import signer_for
from nurture.adapters.mail.templates import Choice, Templates
from nurture.adapters.tokens import MailLink, Tokens
from nurture.domain.definitions import Definitions
from nurture.domain.mail.tracking import Tracking
from nurture.errors import TemplateError
from nurture.ports import Letter, Written


class Composed(NamedTuple):
    """What somebody reads: the source that was chosen for them, its lines and both parts, and the links made for them."""

    choice: Choice
    subject: str
    preheader: str
    text: Blocks
    html: Blocks
    links: ReaderLinks
    own: OwnLinks


class MailWriter:
    """Writes mail from the templates of one folder; `public_url` is where people reach the web process.

    Mail is signed, where the policy says so, with the key in `dkim_folder`; without a folder nothing is. A template that changes is
    read anew after `patience` seconds at the latest.
    """

    def __init__(
        self, templates_dir: Path, public_url: str, tokens: Tokens, *, dkim_folder: Path | None = None, patience: float = 0.0
    ) -> None:
        self._templates = Templates(templates_dir, patience)
        self._public_url = public_url.rstrip("/")
        self._tokens = tokens
        self._dkim_folder = dkim_folder
        self._inliner = Inliner()

    def write(self, letter: Letter, definitions: Definitions, at: datetime) -> Written:
        """The mail for a letter, the same for the same arguments.

        Raises TemplateError, naming file, line and cause, when the template cannot be rendered for this person or its mail must not
        go out, and SettingsError when it must be signed and cannot be.
        """
        written, file, shown = self._drafted(letter, definitions, at)
        context = context_of(letter, written.language, definitions, self._public_url, self._tokens, at)
        return ensure_sound(written, letter, file, context, shown)

    def draft(self, letter: Letter, definitions: Definitions, at: datetime) -> tuple[Written, str]:
        """The mail as `write` makes it, and the file it is made from, before anybody has looked whether it may go out."""
        written, file, _ = self._drafted(letter, definitions, at)
        return written, file

    def _drafted(self, letter: Letter, definitions: Definitions, at: datetime) -> tuple[Written, str, Shown]:
        policy = definitions.sending
        sheet = self.compose(letter, definitions, at)
        shown = Shown(sheet.text, _with_pixel(sheet, policy.tracking))
        parts = (Part("plain", shown.text), Part("html", shown.html))
        name, language = self._tokens.mail_name(MailLink(letter.message, letter.person)), sheet.choice.language
        try:
            head = head_of(
                letter, definitions, name, subject=sheet.subject, unsubscribe=sheet.own.unsubscribe, language=language, at=at
            )
        except ValueError as error:
            raise TemplateError(f"{sheet.choice.file}: {error}") from None
        raw = assemble(head, parts, self._tokens.mac("boundary", letter.message))
        if policy.dkim is not None and self._dkim_folder is not None:
            raw = signer_for(policy.dkim, self._dkim_folder).signed(raw, at)
        return Written(raw, envelope_sender(policy, name), language, sheet.subject), sheet.choice.file, shown

    def compose(self, letter: Letter, definitions: Definitions, at: datetime) -> Composed:
        """What the reader of a letter sees, without what only mail servers read; raises TemplateError as `write` does."""
        policy = definitions.sending
        choice = self._templates.choose(letter.template, (str(letter.facts.get("language") or ""), policy.default_language))
        links = ReaderLinks(self._public_url, self._tokens, letter, definitions, choice.language)
        own = links.own()
        context: dict[str, Any] = {
            "person": PersonFacts(letter.facts), "sender": policy.sender, "organisation": policy.organisation,
            "asset": links.asset(at), "confirm": links.confirm(at), "links": own, LINK: links.link, "language": choice.language,
        }  # fmt: skip
        for name, instead in (("subject", letter.subject), ("preheader", letter.preheader)):
            context[name] = self._line(choice, name, instead, context)
        if not context["subject"]:
            raise TemplateError(f"{choice.file}: the subject is empty; write one in the front matter")
        html = self._inliner.inline(self._templates.pieces(choice.part("html"), context))
        text = plain.wrapped(self._templates.render(choice.part("text"), context))
        _must_offer(own.unsubscribe, choice, whole(text), whole(html))
        return Composed(choice, context["subject"], context["preheader"], text, html, links, own)

    def _line(self, choice: Choice, name: str, instead: str | None, context: dict[str, Any]) -> str:
        """The subject or the preheader: the template's own, unless the variant of the mail has another."""
        if instead is None:
            return self._templates.render(choice.part(name), context).strip()
        return self._templates.render_line(instead, context).strip()


def _must_offer(unsubscribe: str, choice: Choice, text: str, html: str) -> None:
    if unsubscribe not in text or escape(unsubscribe) not in html:
        raise TemplateError(
            f"{choice.file}: a part has no unsubscribe link; extend _layouts/base.html and base.txt, "
            "or write {{ links.unsubscribe }}"
        )


def _with_pixel(sheet: Composed, tracking: Tracking) -> Blocks:
    """The HTML with the picture that tells of opens, if there is one. None that names a reader goes without their way to withdraw."""
    url = sheet.links.pixel()
    if url is None or (tracking.opens != "aggregate" and escape(sheet.own.preferences) not in whole(sheet.html)):
        return sheet.html
    *blocks, last = sheet.html
    before, end, after = last.rpartition("</body>")
    return (*blocks, f'{before}<img src="{escape(url)}" width="1" height="1" alt="">{end}{after}')
