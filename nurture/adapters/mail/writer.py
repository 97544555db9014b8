"""Letters into mail: the template in the reader's language, both parts, the header."""

from datetime import datetime
from email.utils import format_datetime
from html import escape
from pathlib import Path
from typing import Any

from css_inline import CSSInliner

from nurture.adapters.mail import headers, plain
from nurture.adapters.mail.links import LINK
from nurture.adapters.mail.mime import Part, assemble
from nurture.adapters.mail.person import PersonFacts, full_name
from nurture.adapters.mail.reader_links import ReaderLinks
from nurture.adapters.mail.templates import Choice, Templates
from nurture.adapters.tokens import Tokens
from nurture.domain.definitions import Definitions
from nurture.domain.sending import SendingPolicy
from nurture.errors import TemplateError
from nurture.ports import Letter, Written


class MailWriter:
    """Writes mail from the templates of one folder; `public_url` is where people reach the web process."""

    def __init__(self, templates_dir: Path, public_url: str, tokens: Tokens) -> None:
        self._templates = Templates(templates_dir)
        self._public_url = public_url.rstrip("/")
        self._tokens = tokens
        # Rules for narrow and for dark screens cannot be inlined: they stay in the head.
        self._inliner = CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)

    def write(self, letter: Letter, definitions: Definitions, at: datetime) -> Written:
        """The mail for a letter, the same for the same arguments.

        Raises TemplateError, naming file, line and cause, when the template cannot be rendered for this person.
        """
        policy = definitions.sending
        choice = self._templates.choose(letter.template, (str(letter.facts.get("language") or ""), policy.default_language))
        links = ReaderLinks(self._public_url, self._tokens, letter, definitions, choice.language)
        own = links.own()
        context: dict[str, Any] = {
            "person": PersonFacts(letter.facts), "sender": policy.sender, "organisation": policy.organisation,
            "asset": links.asset(at), "links": own, LINK: links.link, "language": choice.language,
        }  # fmt: skip
        subject, parts = self._render(choice, context)
        _must_offer(own.unsubscribe, choice, parts)
        if policy.tracking.opens:
            parts = (parts[0], Part("html", _with_pixel(parts[1].text, links.pixel())))
        try:
            head = self._head(letter, policy, subject, own.unsubscribe, choice.language, at)
        except ValueError as error:
            raise TemplateError(f"{choice.file}: {error}") from None
        raw = assemble(head, parts, self._tokens.mac("boundary", letter.message))
        return Written(raw, headers.wire_address(policy.sender.email), choice.language, subject)

    def _render(self, choice: Choice, context: dict[str, Any]) -> tuple[str, tuple[Part, Part]]:
        """The subject, then the parts: text and HTML."""
        for name in ("subject", "preheader"):
            context[name] = self._templates.render(choice.part(name), context).strip()
        if not context["subject"]:
            raise TemplateError(f"{choice.file}: the subject is empty; write one in the front matter")
        html = self._templates.render(choice.part("html"), context).strip()
        text = self._templates.render(choice.part("text"), context)
        return context["subject"], (Part("plain", plain.wrap(text)), Part("html", _charset_first(self._inliner.inline(html))))

    def _head(
        self, letter: Letter, policy: SendingPolicy, subject: str, unsubscribe: str, language: str, at: datetime
    ) -> list[str]:
        """The header, except what describes the body. Raises ValueError for a value that no header can hold."""
        sender = policy.sender
        domain = headers.domain_of(sender.email)
        return [
            headers.address_field("From", sender.name, sender.email),
            headers.address_field("To", full_name(letter.facts), letter.address),
            *([headers.address_field("Reply-To", "", sender.reply_to)] if sender.reply_to else []),
            headers.text_field("Subject", subject),
            headers.field("Date", format_datetime(at)),
            headers.field("Message-ID", f"<{self._tokens.mac('message-id', letter.message)}@{domain}>"),
            headers.field("List-Id", f"<{letter.sequence}.{domain}>"),
            headers.field("List-Unsubscribe", f"<{unsubscribe}>"),
            headers.field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            headers.field("Feedback-ID", f"{letter.step}:{letter.template}:{letter.sequence}:{feedback_sender(domain)}"),
            headers.field("Auto-Submitted", "auto-generated"),
            # Not "All": that would also hold back the bounces of Exchange servers.
            headers.field("X-Auto-Response-Suppress", "OOF, AutoReply"),
            headers.field("Content-Language", language),
        ]


def feedback_sender(domain: str) -> str:
    """The sender's name in Feedback-ID: 5 to 15 characters, the same for all mail of a domain."""
    return "".join(character for character in domain if character.isalnum())[:15].ljust(5, "0")


def _must_offer(unsubscribe: str, choice: Choice, parts: tuple[Part, Part]) -> None:
    text, html = parts
    if unsubscribe not in text.text or escape(unsubscribe) not in html.text:
        raise TemplateError(
            f"{choice.file}: a part has no unsubscribe link; extend _layouts/base.html and base.txt, "
            "or write {{ links.unsubscribe }}"
        )


def _charset_first(html: str) -> str:
    """The inliner puts the rules that it keeps at the head's very beginning; the encoding is looked for in the first 1024 bytes."""
    before, charset, after = html.partition('<meta charset="utf-8">')
    start, head, rules = before.partition("<head>")
    return f"{start}{head}{charset}{rules}{after}"


def _with_pixel(html: str, url: str) -> str:
    before, end, after = html.rpartition("</body>")
    return f'{before}<img src="{escape(url)}" width="1" height="1" alt="">{end}{after}'
