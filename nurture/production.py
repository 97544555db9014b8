"""What production demands of the settings beside their form."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from nurture.environment import variable
from nurture.keys import is_weak

#: Production refuses to start without these: each has a substitute in development that lives on one machine.
_NEEDS: Final = {
    "secret_key": "at least 16 random characters",
    "database_url": "postgresql://user:password@host/name",
    "redis_url": "redis://:password@host:6379/0",
    "smtp_url": "smtp://user:password@host:587",
    "write_keys": 'JSON such as {"website": "KEY"}; `nurture keys new` makes a key',
    "public_url": "the https:// address people reach the web process at",
}


def production_mistakes(given: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[str]:
    """What is missing in the values given, or too weak, each with its remedy; values that are secret are not told."""
    for field, remedy in _NEEDS.items():
        if field not in given and variable(field) + "_FILE" not in environ:
            yield f"{variable(field)} must be set in production: {remedy}"
    if given.get("secret_key") and is_weak(str(given["secret_key"])):
        yield f"{variable('secret_key')} could be guessed: every link is signed with it; `openssl rand -base64 32` makes a better one"
    if given.get("public_url", "https:").startswith("http:"):
        yield f"{variable('public_url')} must begin with https:// in production; links in mail carry rights"
    if "clock_file" in given:
        yield f"{variable('clock_file')} must be unset in production; only tests and the demo move time"
    if given.get("report_password") and is_weak(str(given["report_password"])):
        yield f"{variable('report_password')} could be guessed, and the reports are open to whoever knows it; take a longer one"
