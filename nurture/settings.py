"""Settings, read from the environment once; each is described here and listed in docs/settings.md."""

import json
import os
from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)  # fmt: skip

from nurture.domain.outward import LOOPBACK, Network, networks
from nurture.environment import PREFIX, SMTP_URL_OF, gather
from nurture.environment import variable as variable  # noqa: PLC0414 - whoever reads settings names them, too
from nurture.errors import SettingsError
from nurture.keys import FOR_SERVERS, FOR_WEBHOOKS, WriteKey, for_handoffs, kept_keys, secrets_in, unguessable
from nurture.production import production_mistakes

#: Settings that may also be given as the path of a file: `NURTURE_X_FILE`, for container secrets.
FROM_FILE: Final = frozenset({
    "database_url", "redis_url", "smtp_url", "smtp_urls", "imap_url", "secret_key", "former_secret_keys", "write_keys",
    "report_password", "secret_keys", "handoff_secrets", "hook_secrets",
})  # fmt: skip

#: A key's name becomes the source of its events, and is kept in a column of this length.
_SourceName = Annotated[str, Field(min_length=1, max_length=64)]
_TransportName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]

_EXAMPLES: Final = {
    "write_keys": '{"website": "KEY"}',
    "secret_keys": '{"crm": "sk_…"}',
    "handoff_secrets": '{"crm": "whsec_…"}',
    "hook_secrets": '{"postmark": "USER:PASSWORD"}',
}


def _speaks(*schemes: str) -> AfterValidator:
    def check(url: SecretStr) -> SecretStr:
        scheme = urlsplit(url.get_secret_value()).scheme.partition("+")[0]
        if scheme not in schemes:
            raise ValueError("must begin with " + " or ".join(f"{each}://" for each in schemes))
        return url

    return AfterValidator(check)


def _as_networks(text: object) -> object:
    return networks(text) if isinstance(text, str) else text


def _as_several(secrets: object) -> object:
    return (secrets,) if isinstance(secrets, str | SecretStr) else secrets


_SecretKey = Annotated[SecretStr, AfterValidator(unguessable)]


def _networks(text: str) -> str:
    for each in text.split(","):
        try:
            ip_network(each.strip(), strict=False)
        except ValueError:
            raise ValueError(f"{each.strip()!r} is no address and no network, such as 10.0.0.0/8") from None
    return text


#: Shorter ones could be guessed.
_HandoffSecret = Annotated[SecretStr, AfterValidator(for_handoffs)]
_HookSecret = Annotated[SecretStr, Field(min_length=8)]


class Settings(BaseModel):
    """Everything that differs between two installations; `load` reads it from the environment."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    mode: Literal["development", "production"] = Field(
        "development", description="`production` turns off /inbox and /demo and demands a secret key and real servers."
    )
    database_url: Annotated[SecretStr, _speaks("postgresql", "sqlite")] | None = Field(
        None, description="postgresql://… or sqlite:///…; unset: an SQLite file in the data folder."
    )
    redis_url: Annotated[SecretStr, _speaks("redis", "rediss")] | None = Field(
        None, description="redis://… or rediss://…; unset: `nurture up` starts a server of its own."
    )
    redis_fsync: Literal["everysec", "always"] = Field(
        "everysec",
        description="How often the Redis that `nurture up` starts puts its file on the disk; `always`: a power cut loses nothing that was acknowledged, and each write waits for the disk.",
    )
    smtp_url: Annotated[SecretStr, _speaks("smtp", "smtps")] | None = Field(
        None, description="smtp://user:password@host:587 (STARTTLS where offered) or smtps://…; unset: the development mailbox."
    )
    smtp_urls: dict[_TransportName, Annotated[SecretStr, _speaks("smtp", "smtps")]] = Field(
        {},
        description="Another mail server, by the name that config/sending.yaml calls its transport; written like NURTURE_SMTP_URL.",
    )
    imap_url: Annotated[SecretStr, _speaks("imap", "imaps")] | None = Field(
        None, description="imaps://user:password@host/INBOX: the mailbox that bounces and replies come to; unset: none is read."
    )
    secret_key: SecretStr | None = Field(
        None, min_length=16, description="Signs every link; unset in development: made once and kept in the data folder."
    )
    former_secret_keys: SecretStr | None = Field(
        None, description="Secret keys of earlier, separated by spaces: unsubscribe links that they signed never expire."
    )
    report_password: SecretStr | None = Field(
        None,
        min_length=12,
        description="Opens the reports at /report, at least 12 characters; whoever changes it logs everybody out. Unset: in development they are open to this machine alone, in production closed.",
    )
    public_url: str = Field(
        "",
        pattern=r"^https?://[^/\s]+$",
        description="Where people reach the web process; links begin with it. Unset in development: http://localhost:PORT.",
    )
    port: int = Field(8000, ge=1, le=65535, description="Port of the web process.")
    host: str = Field("127.0.0.1", min_length=1, description="Address the web process listens on.")
    config_dir: Path = Field(Path("config"), description="Folder of the YAML definitions.")
    templates_dir: Path = Field(Path("templates/emails"), description="Folder of the e-mail templates.")
    data_dir: Path = Field(Path("data"), description="Folder for everything kept on this machine: database, Redis, mail, keys.")
    dkim_dir: Path | None = Field(
        None, description="Folder of the private keys that sign mail (DKIM); unset: `dkim` in the data folder."
    )
    write_keys: dict[_SourceName, WriteKey] = Field(
        {},
        description='JSON: public write keys by name, such as {"website": "wk_…"} or, bound to pages, {"website": {"key": "wk_…", "origins": ["https://www.example.com"]}}; `former` lists keys that it takes the place of; unset in development: one is made.',
    )
    secret_keys: dict[_SourceName, Annotated[tuple[_SecretKey, ...], BeforeValidator(_as_several), Field(min_length=1)]] = Field(
        {},
        description='JSON: secret keys by name, such as {"crm": "sk_…"}, for servers, whose word about people is believed; never for a page or an app. A list while one takes the place of another.',
    )
    handoff_secrets: dict[str, Annotated[tuple[_HandoffSecret, ...], BeforeValidator(_as_several), Field(min_length=1)]] = Field(
        {},
        description='JSON: the secrets that sign hand-offs, and the tokens that CRMs and chats gave out, by the name that config/handoff.yaml calls them, such as {"crm": "whsec_…"}; a list, the new one first, while one takes the place of another.',
    )
    handoff_allow: Annotated[tuple[Network, ...], BeforeValidator(_as_networks)] = Field(
        (),
        description="Networks or addresses, separated by spaces, where hand-offs may call although they are not public, such as `10.20.0.0/16`; in development this machine is always one.",
    )
    hook_secrets: dict[str, Annotated[tuple[_HookSecret, ...], BeforeValidator(_as_several), Field(min_length=1)]] = Field(
        {},
        description='JSON: what mail providers sign their webhooks with, or show, by the name that config/hooks.yaml calls it, such as {"postmark": "USER:PASSWORD"}; a list while one takes the place of another.',
    )
    partitions: int = Field(4, ge=1, le=256, description="Partitions of the event stream; the same everywhere.")
    max_backlog: int = Field(1_000_000, ge=1, description="Events waiting in Redis above which the web process answers 503.")
    trusted_proxies: Annotated[str, AfterValidator(_networks)] = Field(
        "127.0.0.1,::1",
        description="Addresses and networks, with commas between, of the proxies whose X-Forwarded-For says for whom they ask; nobody else is believed.",
    )
    rate_events: float = Field(
        50.0,
        ge=0,
        description="Requests with events a second from one address (IPv6: from one /64), ten seconds' worth at once; above: 429. 0: no limit.",
    )
    rate_forms: float = Field(
        1.0, ge=0, description="Form posts a second from one address, a minute's worth at once; above: 429. 0: no limit."
    )
    rate_servers: float = Field(
        1000.0,
        ge=0,
        description="Requests with events a second under one secret key, ten seconds' worth at once; above: 429. 0: no limit.",
    )
    max_requests: int = Field(
        512, ge=1, description="Requests that a web process works on at once; above: 503, before anything is read."
    )
    max_connections: int = Field(
        2000,
        ge=1,
        description="Connections to a web process; above, those are closed that have been sending nothing for longest.",
    )
    header_seconds: float = Field(
        10.0, gt=0, le=300, description="How long a client may take for the head of a request; then it is cut off."
    )
    body_seconds: float = Field(
        20.0, gt=0, le=300, description="How long a client may take for the body of a request; then: 408."
    )
    journal_mb: int = Field(
        256, ge=0, le=1_000_000,
        description="Megabytes that each web process may keep on disk, in `journal` of the data folder, while Redis is away; 0: none, it answers 503.",
    )  # fmt: skip
    silence_seconds: float = Field(
        15.0, ge=3, le=3_600,
        description="Seconds after which the engine and a PostgreSQL on another machine give each other up when nothing is acknowledged (a cut cable, a dead host); what was held goes to others.",
    )  # fmt: skip
    sweep_seconds: float = Field(1.0, gt=0, le=60, description="How often beat looks for work whose nudge was lost.")
    log_format: Literal["text", "json"] = Field("text", description="Form of the log lines.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    clock_file: Path | None = Field(
        None,
        description="Development only: a file with the seconds by which the engine's clock is ahead; tests and the demo move it.",
    )

    @field_validator("write_keys", "secret_keys", "handoff_secrets", "hook_secrets", mode="before")
    @classmethod
    def _read_json(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError(f"must be JSON such as {_EXAMPLES[info.field_name or '']}") from None

    @field_validator("secret_keys")
    @classmethod
    def _name_sources_apart(
        cls, secret_keys: dict[str, tuple[SecretStr, ...]], info: ValidationInfo
    ) -> dict[str, tuple[SecretStr, ...]]:
        both = sorted(secret_keys.keys() & info.data.get("write_keys", {}).keys())
        if both:
            raise ValueError(f"{', '.join(both)} is the name of a write key, too; a name is one source: give each its own")
        return secret_keys

    @model_validator(mode="after")
    def _complete_public_url(self) -> Self:
        if not self.public_url:
            object.__setattr__(self, "public_url", f"http://localhost:{self.port}")  # the model is frozen from here on
        return self

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """The settings of this process; `environ` is the process's own unless given.

        In development a missing secret key and write key are made and kept in the data folder, so afterwards both are set.
        Raises SettingsError naming every mistake at once, with its remedy and without any value.
        """
        environ = os.environ if environ is None else environ
        given, mistakes = gather(environ, Settings.model_fields, FROM_FILE)
        settings: Self | None = None
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            mistakes += [_describe(each) for each in error.errors(include_input=False, include_url=False)]
        if given.get("mode") == "production":
            mistakes += production_mistakes(given, environ)
        if mistakes or settings is None:
            raise SettingsError("The settings are wrong:\n" + "\n".join(f"  {mistake}" for mistake in mistakes))
        return settings if settings.production else settings.with_kept_keys()

    def with_kept_keys(self) -> Self:
        """These settings with the secret key and write key of the data folder (made on the first call) where none is given."""
        if self.secret_key is not None and self.write_keys:
            return self
        kept = kept_keys(self.data_dir / "keys.json")
        return self.model_copy(
            update={
                "secret_key": self.secret_key or SecretStr(kept["secret_key"]),
                "write_keys": self.write_keys or {name: WriteKey(key=key) for name, key in kept["write_keys"].items()},
            }
        )

    def as_environ(self) -> dict[str, str]:
        """The environment that makes `load` return these settings in a child process, secrets included."""
        environ = {}
        for name, value in self:
            if isinstance(value, SecretStr):
                environ[variable(name)] = value.get_secret_value()
            elif isinstance(value, Path):
                environ[variable(name)] = str(value.absolute())
            elif name == "smtp_urls":
                environ |= {PREFIX + SMTP_URL_OF + each.upper(): url.get_secret_value() for each, url in value.items()}
            elif isinstance(value, dict):
                environ[variable(name)] = json.dumps(value, default=_as_json)
            elif isinstance(value, tuple):
                environ[variable(name)] = " ".join(map(str, value))
            elif value is not None:
                environ[variable(name)] = str(value)
        return environ

    @property
    def production(self) -> bool:
        return self.mode == "production"

    @property
    def secret(self) -> str:
        """The key that signs links."""
        if self.secret_key is None:
            raise SettingsError(f"{variable('secret_key')} is not set")
        return self.secret_key.get_secret_value()

    @property
    def former_secrets(self) -> list[str]:
        """The keys that signed links before."""
        return self.former_secret_keys.get_secret_value().split() if self.former_secret_keys is not None else []

    @property
    def database(self) -> str:
        """The database URL in force."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{(self.data_dir / 'nurture.db').absolute()}"

    @property
    def redis(self) -> str:
        """The Redis URL in force: the one given, or that of the server `nurture up` runs on this data folder just now."""
        if self.redis_url is not None:
            return self.redis_url.get_secret_value()
        try:
            return self.redis_url_file.read_text()
        except OSError:
            raise SettingsError(f"There is no Redis: start `nurture up`, or set {variable('redis_url')}") from None

    @property
    def redis_url_file(self) -> Path:
        """Where `nurture up` leaves the URL of its Redis for other commands, readable by its owner only."""
        return self.data_dir / "redis" / "url"

    @property
    def smtp(self) -> str:
        """The mail server's URL."""
        if self.smtp_url is None:
            raise SettingsError(f"There is no mail server: start `nurture up`, or set {variable('smtp_url')}")
        return self.smtp_url.get_secret_value()

    @property
    def transports(self) -> dict[str, str]:
        """The URLs of all mail servers, by the names of their transports."""
        return {"default": self.smtp, **{name: url.get_secret_value() for name, url in self.smtp_urls.items()}}

    @property
    def imap(self) -> str:
        """The URL of the mailbox that bounces and replies come to."""
        if self.imap_url is None:
            raise SettingsError(f"There is no mailbox to read: set {variable('imap_url')}")
        return self.imap_url.get_secret_value()

    @property
    def mail_folder(self) -> Path:
        """Where the development mailbox keeps what it received."""
        return self.data_dir / "mail"

    @property
    def journal_folder(self) -> Path:
        """Where web processes keep what Redis does not take."""
        return self.data_dir / "journal"

    @property
    def dkim_folder(self) -> Path:
        """Where the private keys lie that sign mail."""
        return self.dkim_dir or self.data_dir / "dkim"

    @property
    def webhook_secrets(self) -> dict[str, tuple[str, ...]]:
        """What signs hand-offs, or lets them in, by name; several while one takes the place of another."""
        return {name: tuple(each.get_secret_value() for each in several) for name, several in self.handoff_secrets.items()}

    @property
    def handoff_tokens(self) -> frozenset[str]:
        """The names of what lets hand-offs in elsewhere and signs nothing."""
        return frozenset(name for name, several in self.webhook_secrets.items() if not several[0].startswith(FOR_WEBHOOKS))

    @property
    def handoff_networks(self) -> tuple[Network, ...]:
        """Where hand-offs may call beside the public internet."""
        return self.handoff_allow if self.production else (*LOOPBACK, *self.handoff_allow)

    @property
    def secrets_of_hooks(self) -> dict[str, tuple[str, ...]]:
        """What providers' webhooks are known by, by name."""
        return {name: tuple(each.get_secret_value() for each in several) for name, several in self.hook_secrets.items()}

    @property
    def server_keys(self) -> dict[str, tuple[str, ...]]:
        """The secret keys, by name; several while one takes the place of another."""
        return {name: tuple(each.get_secret_value() for each in several) for name, several in self.secret_keys.items()}

    @property
    def secret_values(self) -> Iterator[str]:
        """What may never be printed: what signs links, hand-offs and webhooks, the secret keys, and the password of every URL."""
        if self.secret_key is not None:
            yield self.secret_key.get_secret_value()
        yield from self.former_secrets
        if self.report_password is not None:
            yield self.report_password.get_secret_value()
        for by_name in (self.webhook_secrets, self.secrets_of_hooks, self.server_keys):
            for several in by_name.values():
                yield from several
        for url in (self.database_url, self.redis_url, self.smtp_url, self.imap_url, *self.smtp_urls.values()):
            if url is not None:
                yield from secrets_in(url.get_secret_value())


def _as_json(value: SecretStr | WriteKey) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value.model_dump(mode="json")


def _describe(error: Any) -> str:
    """One line for a validation error: pydantic's own words, without the value."""
    field, *inside = error["loc"]
    called = variable(field).replace("<NAME>", str(inside[0] if inside else "").upper())
    # Name and key may be swapped, and then the place holds the secret.
    steps = ("…" if str(step).startswith((FOR_SERVERS, "whsec_")) else str(step) for step in inside)
    place = f" ({'.'.join(steps)})" if inside and field in _EXAMPLES else ""
    return f"{called}{place}: {error['msg'].removeprefix('Value error, ')}; {Settings.model_fields[field].description}"


def settings_table() -> str:
    """The settings as a Markdown table, as it stands in the README."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = f"`{field.default}`" if field.default or isinstance(field.default, int) else ""
        also = f" (or `{variable(name)}_FILE`)" if name in FROM_FILE else ""
        rows.append(f"| `{variable(name)}`{also} | {default} | {field.description} |")
    return "\n".join(rows)
