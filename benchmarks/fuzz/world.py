"""What both sides know: keys, forms, hooks, and who signs what."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from nurture.adapters.hooks.taking import key_of
from nurture.adapters.tokens import Tokens

WRITE_KEY: Final = "wk_fuzz_0123456789"
SECRET_KEY: Final = "sk_" + "fuzz" * 8
SECRET: Final = "a secret for those who fuzz"

#: The providers whose hooks are there. Amazon's is not: whoever posts to it makes the web process visit Amazon.
PROVIDERS: Final = ("postmark", "mailgun", "sendgrid", "mailjet", "brevo", "resend", "sparkpost", "custom")
FORMS: Final = ("contact", "guide")


@dataclass(frozen=True)
class World:
    """`now` is about when the requests come."""

    tokens: Tokens
    now: datetime

    def hook_path(self, provider: str) -> str:
        return f"/hooks/{provider}/{key_of(self.tokens, provider, 1)}"


def definitions(base: dict[str, Any]) -> dict[str, Any]:
    """The shared definitions with the forms and hooks of this world."""
    from tests.web.hooks.conftest import HOOKS

    hooks = {name: hook for name, hook in HOOKS.sources.items() if name in PROVIDERS}
    forms = {
        "contact": {"fields": {"email": "required", "first_name": "optional", "message": "optional"}, "redirects": ["https://www.example.com"]},
        "guide": {"asset": "guide", "deliver": "redirect", "fields": {"email": "required"}},
    }  # fmt: skip
    assets = {"guide": {"title": {"en": "The guide"}, "file": "assets/guide.txt", "gated": True, "link": {"downloads": 100}}}
    return {**base, "forms": forms, "assets": assets, "hooks": {"sources": hooks}, "sequences": {}}
