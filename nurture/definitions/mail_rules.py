"""What must fit together about the header of mails: whose domains they name, and the key that signs them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from nurture.definitions.config import CONSENTS, SENDING, Config, Finding
from nurture.domain.mail.marks import aligned
from nurture.domain.mail.tracking import OPEN_TRACKING


def domains_are_aligned(config: Config) -> Iterator[Finding]:
    """Bounces and signatures count for the sender only under the sender's own domain (DMARC, RFC 7489 §3.1)."""
    if config.sending is None:
        return
    sender = config.sending.sender.email.rpartition("@")[2].lower()
    bounces, dkim = config.sending.bounce_domain, config.sending.dkim
    if bounces is not None and not aligned(bounces, sender):
        text = f"{bounces!r} does not belong to the sender's domain, so SPF counts for nobody; write a host below {sender}"
        yield Finding(SENDING, ("bounce_domain",), text)
    if dkim is not None and not aligned(dkim.domain, sender):
        text = f"a signature by {dkim.domain!r} does not count for mail from {sender}; write {sender}"
        yield Finding(SENDING, ("dkim", "domain"), text)


def signing_key_is_there(config: Config) -> Iterator[Finding]:
    """Mail cannot be signed without its key. Where the definitions are checked it need not be known."""
    dkim = config.sending.dkim if config.sending else None
    if dkim is not None and dkim.key_file not in config.installation.dkim_keys:
        text = (
            f"there is no key {dkim.key_file!r} here, without which no mail goes; `nurture keys dkim --selector {dkim.selector}` "
            "makes one where the workers run"
        )
        yield Finding(SENDING, ("dkim", "key" if dkim.key is not None else "selector"), text, "warning")


def opens_can_be_agreed_to(config: Config) -> Iterator[Finding]:
    """Each open is told of those alone who agreed to that, and nobody can agree to what has no wording."""
    if config.sending is None or CONSENTS in config.damaged or config.sending.tracking.opens != "individual":
        return
    if OPEN_TRACKING not in config.consents.purposes:
        text = f"nobody can agree to it, so no open is ever told; write the wording of {OPEN_TRACKING!r} into {CONSENTS}"
        yield Finding(SENDING, ("tracking", "opens"), text)


MAIL_RULES: Final[tuple[Callable[[Config], Iterable[Finding]], ...]] = (
    domains_are_aligned,
    signing_key_is_there,
    opens_can_be_agreed_to,
)
