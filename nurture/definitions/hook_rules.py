"""What must fit together about webhooks of mail providers: the secrets of this installation, and topics."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, get_args

from nurture.definitions.config import HOOKS, SENDING, Config, Finding
from nurture.domain.mail.marks import Provider as Repeats

_TOPIC: Final = re.compile(r"arn:aws(-[a-z]+)*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")


def hooks_can_be_believed(config: Config) -> Iterator[Finding]:
    """Each has by what it is known, and what its words mean. Where something had to be cut out of the file, it may be that."""
    if HOOKS in config.damaged:
        return
    for name, hook in config.hooks.sources.items():
        place = ("sources", name)
        if hook.provider == "ses" and not hook.topics:
            yield Finding(HOOKS, place, "nothing says whose word counts; write 'topics: [arn:aws:sns:…]'")
        if hook.provider != "ses" and hook.secret is None:
            text = "nothing says by what they are known; write 'secret: NAME', and put it into NURTURE_HOOK_SECRETS"
            yield Finding(HOOKS, place, text)
        if hook.provider == "custom" and hook.reading is None and hook.answers is None:
            text = "nothing says how they put it; write 'reading' with 'kind' and 'words', or 'answers' with 'answer' and 'words'"
            yield Finding(HOOKS, place, text)


def hook_secrets_are_there(config: Config) -> Iterator[Finding]:
    """Nobody is believed without the secret. Where the definitions are checked it need not be known."""
    for name, hook in config.hooks.sources.items():
        if hook.secret is not None and hook.secret not in config.installation.hook_secrets:
            text = (
                f"there is no secret {hook.secret!r} here, without which nobody is believed; "
                "add it to NURTURE_HOOK_SECRETS where the web processes run"
            )
            yield Finding(HOOKS, ("sources", name, "secret"), text, "warning")


def topics_are_names_of_amazons(config: Config) -> Iterator[Finding]:
    """A topic that is written wrongly would never say anything."""
    for name, hook in config.hooks.sources.items():
        for index, topic in enumerate(hook.topics):
            if not _TOPIC.fullmatch(topic):
                text = f"{topic!r} is no topic; write it whole, like arn:aws:sns:eu-west-1:123456789012:mail"
                yield Finding(HOOKS, ("sources", name, "topics", index), text)


def mails_are_named_to_who_tells_of_them(config: Config) -> Iterator[Finding]:
    """Without our name for the mail a report comes to an address only: no message is delivered by it, and no run ends."""
    if config.sending is None:
        return
    for name, hook in config.hooks.sources.items():
        if hook.provider in get_args(Repeats) and hook.provider not in config.sending.providers:
            text = (
                f"{hook.provider} is not told which mail is which, so what it tells comes to an address only; "
                f"write 'providers: [{hook.provider}]' in {SENDING}"
            )
            yield Finding(HOOKS, ("sources", name, "provider"), text, "warning")


HOOK_RULES: Final[tuple[Callable[[Config], Iterable[Finding]], ...]] = (
    hooks_can_be_believed,
    hook_secrets_are_there,
    topics_are_names_of_amazons,
    mails_are_named_to_who_tells_of_them,
)
