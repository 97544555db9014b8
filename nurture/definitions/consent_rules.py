"""What must fit together about consent: purposes, topics, the forms that ask and the sequences that need it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from nurture.definitions.config import CONSENTS, FORMS, Config, Finding
from nurture.domain.wording import instead


def forms_ask_for_what_has_a_wording(config: Config) -> Iterator[Finding]:
    """What people agree to can be proved only with the words they read."""
    purposes = config.consents.purposes
    if CONSENTS in config.damaged:
        return
    for name, form in config.forms.items():
        if form.consent is not None and form.consent not in purposes and "email" in form.fields:
            text = f"nothing is known of {form.consent!r}, so what people read is not kept; {_instead(form.consent, purposes)}"
            yield Finding(FORMS, ("forms", name, "consent"), text, "error" if purposes else "warning")


def _instead(name: str, purposes: Iterable[str]) -> str:
    return instead(name, purposes) if purposes else f"write its wording into {CONSENTS}"


def topics_exist(config: Config) -> Iterator[Finding]:
    """Readers choose among topics by their titles."""
    topics = config.consents.topics
    for file, sequence in config.sequences.items():
        if sequence.topic is not None and sequence.topic not in topics and CONSENTS not in config.damaged:
            fix = instead(sequence.topic, topics) if topics else f"write its title into {CONSENTS}"
            yield Finding(file, ("topic",), f"unknown topic {sequence.topic!r}; {fix}")


def topics_need_one_purpose(config: Config) -> Iterator[Finding]:
    """One answer says whether somebody is mailed of a topic."""
    first: dict[str, str] = {}
    for name, purpose in config.consents.purposes.items():
        for index, topic in enumerate(purpose.topics):
            other = first.setdefault(topic, name)
            if other != name:
                text = f"topic {topic!r} needs {other!r} already; name it there or here"
                yield Finding(CONSENTS, ("purposes", name, "topics", index), text)


def confirmations_are_asked_for(config: Config) -> Iterator[Finding]:
    """The mail that asks to confirm must exist, and must not wait for the confirmation itself."""
    by_name = {sequence.sequence: (file, sequence) for file, sequence in config.sequences.items()}
    for name, purpose in config.consents.purposes.items():
        if purpose.confirm is None:
            continue
        if purpose.confirm not in config.sequence_names:
            text = f"unknown sequence {purpose.confirm!r}; {instead(purpose.confirm, config.sequence_names)}"
            yield Finding(CONSENTS, ("purposes", name, "confirm"), text)
        elif purpose.confirm in by_name:
            file, sequence = by_name[purpose.confirm]
            if config.consents.needed_for(sequence.topic) == name:
                text = f"this mail asks to confirm {name!r} and would wait for that; give it no topic, or another one"
                yield Finding(file, ("topic",), text)
            if sequence.holdout is not None:
                text = f"this mail asks to confirm {name!r}, and who is held out could never do so; delete 'holdout'"
                yield Finding(file, ("holdout",), text)


def needed_consent_can_be_given(config: Config) -> Iterator[Finding]:
    """Nobody is ever mailed of a topic whose consent no form asks for."""
    asked = {form.consent for form in config.forms.values()}
    if FORMS in config.damaged:
        return
    for file, sequence in config.sequences.items():
        needed = config.consents.needed_for(sequence.topic)
        if needed is not None and needed not in asked:
            text = (
                f"topic {sequence.topic!r} needs the consent {needed!r}, which no form asks for; add 'consent: {needed}' to one"
            )
            yield Finding(file, ("topic",), text, "warning")


CONSENT_RULES: Final[tuple[Callable[[Config], Iterable[Finding]], ...]] = (
    forms_ask_for_what_has_a_wording,
    topics_exist,
    topics_need_one_purpose,
    confirmations_are_asked_for,
    needed_consent_can_be_given,
)
