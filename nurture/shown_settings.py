"""The settings in force as a person may see them: where each comes from, and of secrets only that they are there."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from pydantic import SecretStr

from nurture.environment import PREFIX, SMTP_URL_OF, variable
from nurture.keys import WriteKey, without_secrets
from nurture.settings import FROM_FILE, Settings

SECRET: Final = "[secret]"  # noqa: S105 - what stands in place of one

#: Where a value comes from that nobody has given.
DEFAULT: Final = "default"
MADE: Final = "made, and kept in the data folder"


class Shown(NamedTuple):
    """One setting: its variable, its value without anything secret, and where it comes from."""

    name: str
    value: Any
    source: str


def shown_settings(settings: Settings, environ: Mapping[str, str]) -> Iterator[Shown]:
    """All settings in the order of the README; `environ` is what they were read from."""
    for field in Settings.model_fields:
        if field == "smtp_urls":
            for transport, url in settings.smtp_urls.items():
                name = f"{PREFIX}{SMTP_URL_OF}{transport.upper()}"
                yield Shown(name, _shown(url), _source(name, environ, in_file=True))
            continue
        name, value = variable(field), getattr(settings, field)
        source = _source(name, environ, in_file=field in FROM_FILE)
        if source == DEFAULT and field in ("secret_key", "write_keys") and value:
            source = MADE
        yield Shown(name, _shown(value), source)


def _source(name: str, environ: Mapping[str, str], *, in_file: bool) -> str:
    if environ.get(name):
        return "environment"
    file = environ.get(f"{name}_FILE") if in_file else None
    return f"file {file}" if file else DEFAULT


def _shown(value: Any) -> Any:
    """A value as JSON takes it. Of a secret that is a URL the place is told, of any other nothing."""
    match value:
        case SecretStr():
            plain = value.get_secret_value()
            return without_secrets(plain) if "://" in plain else SECRET
        case WriteKey():  # every page shows it
            return value.model_dump(mode="json")
        case dict():
            return {str(name): _shown(each) for name, each in value.items()}
        case tuple():
            return [_shown(each) for each in value]
        case None | bool() | int() | float():
            return value
    return str(value)
