"""The header fields by which providers repeat a mail's name in their reports; each reads one field, in a form of its own."""

import json
from collections.abc import Callable, Mapping
from typing import Final

from nurture.adapters.mail import headers
from nurture.domain.mail.marks import Provider

#: What the mail's name is called in reports.
KEY: Final = "mail"


def _as_json(name: str) -> str:
    return json.dumps({KEY: name})


#: Field and value by provider, as their guides to SMTP have them: Brevo "custom headers", Mailgun "attaching data", Mailjet
#: "sending with SMTP", Postmark "metadata", SendGrid "unique arguments", Amazon "message tags", SparkPost "X-MSYS-API".
_FIELDS: Final[Mapping[Provider, tuple[str, Callable[[str], str]]]] = {
    "brevo": ("X-Mailin-custom", _as_json),
    "mailgun": ("X-Mailgun-Variables", _as_json),
    "mailjet": ("X-MJ-CustomID", str),
    "postmark": (f"X-PM-Metadata-{KEY}", str),
    "sendgrid": ("X-SMTPAPI", lambda name: json.dumps({"unique_args": {KEY: name}})),
    "ses": ("X-SES-MESSAGE-TAGS", lambda name: f"{KEY}={name}"),
    "sparkpost": ("X-MSYS-API", lambda name: json.dumps({"metadata": {KEY: name}})),
}


def provider_field(provider: Provider, name: str) -> str:
    """The header field that tells a provider a mail's name."""
    field, value = _FIELDS[provider]
    # As text, it is folded at the spaces of its JSON; plain letters that short are never encoded.
    return headers.text_field(field, value(name))
