"""What must fit together about the ways mail goes: transports and their URLs, recipients and what they are called."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from nurture.definitions.config import SENDING, Config, Finding
from nurture.definitions.mistakes import Severity
from nurture.domain.mail.families import FAMILIES
from nurture.domain.mail.routing import DEFAULT
from nurture.domain.wording import nearest


def transports_have_a_url(config: Config) -> Iterator[Finding]:
    """Mail cannot go by a transport without a URL. Where the definitions are checked it need not be known."""
    for name in config.sending.transports if config.sending is not None else ():
        if name not in config.installation.transports:
            variable = "NURTURE_SMTP_URL" if name == DEFAULT else f"NURTURE_SMTP_URL_{name.upper()}"
            text = f"transport {name!r} has no URL here, so no mail goes by it; set {variable} where the workers run"
            severity: Severity = "error" if config.installation.production else "warning"
            yield Finding(SENDING, ("transports", name), text, severity, in_key=True)


def some_transport_is_no_reserve(config: Config) -> Iterator[Finding]:
    """Reserves take the place of something."""
    transports = config.sending.transports if config.sending is not None else {}
    if transports and all(each.weight == 0 for each in transports.values()):
        name = next(iter(transports))
        text = "every transport is in reserve (weight: 0); give one of them a weight"
        yield Finding(SENDING, ("transports", name, "weight"), text)


def recipients_are_known(config: Config) -> Iterator[Finding]:
    """A rate is given to a family of mail servers or to a domain."""
    for name in config.sending.recipients if config.sending is not None else ():
        if name not in FAMILIES and ("." not in name or name != name.lower()):
            near = nearest(name, FAMILIES)
            meant = f"did you mean {near!r}?" if near else "write a domain in lower case, or a family such as gmail or microsoft"
            yield Finding(SENDING, ("recipients", name), f"unknown family of recipients {name!r}; {meant}", in_key=True)


TRANSPORT_RULES: Final[tuple[Callable[[Config], Iterable[Finding]], ...]] = (
    transports_have_a_url,
    some_transport_is_no_reserve,
    recipients_are_known,
)
