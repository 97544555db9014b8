"""Settings, read from the environment once; each is described here and listed in the README."""

import json
import os
import re
import secrets
from base64 import b64decode
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)  # fmt: skip

from nurture.errors import SettingsError

PREFIX: Final = "NURTURE_"

#: Settings that may also be given as the path of a file: `NURTURE_X_FILE`, for container secrets.
FROM_FILE: Final = frozenset(
    {"database_url", "redis_url", "smtp_url", "secret_key", "write_keys", "secret_keys", "handoff_secrets"}
)

#: What the Standard Webhooks specification asks of a secret's length.
_WEBHOOK_KEY_BYTES: Final = range(24, 65)

_SECRET_KEY: Final = re.compile(r"sk_[A-Za-z0-9_-]{20,125}")
_ORIGIN: Final = re.compile(r"https?://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:\d{1,5})?")

#: A key's name becomes the source of its events, and is kept in a column of this length.
_SourceName = Annotated[str, Field(min_length=1, max_length=64)]

#: Production refuses to start without these: each has a substitute in development that lives on one machine.
_PRODUCTION_NEEDS: Final = {
    "secret_key": "at least 16 random characters",
    "database_url": "postgresql://user:password@host/name",
    "redis_url": "redis://:password@host:6379/0",
    "smtp_url": "smtp://user:password@host:587",
    "write_keys": 'JSON such as {"website": "KEY"}; `nurture keys new` makes a key',
    "public_url": "the https:// address people reach the web process at",
}


def variable(field: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + field.upper()


#: How a secret key begins, so that nobody mistakes it for one that may stand in a page.
_FOR_SERVERS: Final = "sk_"

_EXAMPLES: Final = {
    "write_keys": '{"website": "KEY"}',
    "secret_keys": '{"crm": "sk_…"}',
    "handoff_secrets": '{"crm": "whsec_…"}',
}


def new_write_key() -> str:
    """A fresh public key. Every page shows it: it tells sources apart and protects nothing."""
    return "wk_" + secrets.token_urlsafe(18)


def new_secret_key() -> str:
    """A fresh secret key, for a server: what it says of people is believed."""
    return _FOR_SERVERS + secrets.token_urlsafe(30)


def _speaks(*schemes: str) -> AfterValidator:
    def check(url: SecretStr) -> SecretStr:
        scheme = urlsplit(url.get_secret_value()).scheme.partition("+")[0]
        if scheme not in schemes:
            raise ValueError("must begin with " + " or ".join(f"{each}://" for each in schemes))
        return url

    return AfterValidator(check)


def _signs_webhooks() -> AfterValidator:
    def check(secret: SecretStr) -> SecretStr:
        try:
            key = b64decode(secret.get_secret_value().removeprefix("whsec_"), validate=True)
        except ValueError:
            key = b""
        if not (secret.get_secret_value().startswith("whsec_") and len(key) in _WEBHOOK_KEY_BYTES):
            raise ValueError("must be whsec_ and 24 to 64 random bytes in base64; `openssl rand -base64 32` makes them")
        return secret

    return AfterValidator(check)


def _for_browsers(key: str) -> str:
    if key.startswith(_FOR_SERVERS):
        raise ValueError("is a secret key, and every page would show it; put it into NURTURE_SECRET_KEYS")
    return key


def _unguessable(key: SecretStr) -> SecretStr:
    if not _SECRET_KEY.fullmatch(key.get_secret_value()):
        raise ValueError("must be sk_ and 20 to 125 random letters, digits, - or _; `nurture keys new --secret` makes one")
    return key


def _as_browsers_write_it(origin: str) -> str:
    """An origin as browsers send it (RFC 6454 §6.2): in lower case, without the port that its scheme has anyway."""
    written = origin.strip().lower().removesuffix("/")
    if not _ORIGIN.fullmatch(written):
        raise ValueError("must be an origin such as https://www.example.com, without a path; foreign letters in their xn-- form")
    return re.sub(r"(?<=^http:)(.*):80$|(?<=^https:)(.*):443$", r"\1\2", written)


class WriteKey(BaseModel):
    """A public write key and the origins whose pages may use it: all, if none is named. A text alone is a key for all."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: Annotated[str, Field(pattern=r"^[\w.-]{8,128}$"), AfterValidator(_for_browsers)]
    origins: frozenset[Annotated[str, AfterValidator(_as_browsers_write_it)]] | None = Field(None, min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _key_alone(cls, value: object) -> object:
        return {"key": value} if isinstance(value, str) else value

    @model_serializer
    def _as_given(self) -> str | dict[str, Any]:
        return self.key if self.origins is None else {"key": self.key, "origins": sorted(self.origins)}


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
    smtp_url: Annotated[SecretStr, _speaks("smtp", "smtps")] | None = Field(
        None, description="smtp://user:password@host:587 (STARTTLS where offered) or smtps://…; unset: the development mailbox."
    )
    secret_key: SecretStr | None = Field(
        None, min_length=16, description="Signs every link; unset in development: made once and kept in the data folder."
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
    write_keys: dict[_SourceName, WriteKey] = Field(
        {},
        description='JSON: public write keys by name, such as {"website": "wk_…"} or, bound to pages, {"website": {"key": "wk_…", "origins": ["https://www.example.com"]}}; unset in development: one is made.',
    )
    secret_keys: dict[_SourceName, Annotated[SecretStr, AfterValidator(_unguessable)]] = Field(
        {},
        description='JSON: secret keys by name, such as {"crm": "sk_…"}, for servers, whose word about people is believed; never for a page or an app.',
    )
    handoff_secrets: dict[str, Annotated[SecretStr, _signs_webhooks()]] = Field(
        {},
        description='JSON: the secrets that sign hand-offs, by the name that config/handoff.yaml calls them, such as {"crm": "whsec_…"}.',
    )
    partitions: int = Field(4, ge=1, le=256, description="Partitions of the event stream; the same everywhere.")
    max_backlog: int = Field(1_000_000, ge=1, description="Events waiting in Redis above which the web process answers 503.")
    sweep_seconds: float = Field(1.0, gt=0, le=60, description="How often beat looks for work whose nudge was lost.")
    log_format: Literal["text", "json"] = Field("text", description="Form of the log lines.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    clock_file: Path | None = Field(
        None,
        description="Development only: a file with the seconds by which the engine's clock is ahead; tests and the demo move it.",
    )

    @field_validator("write_keys", "secret_keys", "handoff_secrets", mode="before")
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
    def _name_sources_apart(cls, secret_keys: dict[str, SecretStr], info: ValidationInfo) -> dict[str, SecretStr]:
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
        given, mistakes = _gather(environ)
        settings: Self | None = None
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            mistakes += [_describe(each) for each in error.errors(include_input=False, include_url=False)]
        if given.get("mode") == "production":
            mistakes += _check_production(given, environ)
        if mistakes or settings is None:
            raise SettingsError("The settings are wrong:\n" + "\n".join(f"  {mistake}" for mistake in mistakes))
        return settings if settings.production else settings.with_kept_keys()

    def with_kept_keys(self) -> Self:
        """These settings with the secret key and write key of the data folder (made on the first call) where none is given."""
        if self.secret_key is not None and self.write_keys:
            return self
        kept = _kept_keys(self.data_dir / "keys.json")
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
            elif isinstance(value, dict):
                environ[variable(name)] = json.dumps(value, default=_as_json)
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
    def mail_folder(self) -> Path:
        """Where the development mailbox keeps what it received."""
        return self.data_dir / "mail"

    @property
    def webhook_secrets(self) -> dict[str, str]:
        """The secrets that sign hand-offs, by name."""
        return {name: secret.get_secret_value() for name, secret in self.handoff_secrets.items()}

    @property
    def server_keys(self) -> dict[str, str]:
        """The secret keys, by name."""
        return {name: secret.get_secret_value() for name, secret in self.secret_keys.items()}

    @property
    def secret_values(self) -> Iterator[str]:
        """What may never be printed: what signs links and hand-offs, the secret keys, and the password of every URL."""
        if self.secret_key is not None:
            yield self.secret_key.get_secret_value()
        yield from self.webhook_secrets.values()
        yield from self.server_keys.values()
        for url in (self.database_url, self.redis_url, self.smtp_url):
            password = urlsplit(url.get_secret_value()).password if url is not None else None
            if password:
                yield unquote(password)


def _as_json(value: SecretStr | WriteKey) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value.model_dump(mode="json")


def _gather(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The values given, by field, and the mistakes made in giving them. An empty variable counts as unset."""
    known = {variable(name): name for name in Settings.model_fields}
    known |= {variable(name) + "_FILE": name for name in FROM_FILE}
    given: dict[str, Any] = {}
    mistakes = []
    for name in sorted(name for name, value in environ.items() if name.startswith(PREFIX) and value):
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.8)
            mistakes += [f"{name} is no setting; did you mean {near[0]}?"] if near else []
        elif known[name] in given:
            mistakes.append(f"{variable(known[name])} and {name} are both set; keep one")
        elif variable(known[name]) == name:
            given[known[name]] = environ[name]
        else:
            try:
                given[known[name]] = Path(environ[name]).read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                mistakes.append(
                    f"{name} names a file that cannot be read ({type(error).__name__}); correct the path or its rights"
                )
    return given, mistakes


def _describe(error: Any) -> str:
    """One line for a validation error: pydantic's own words, without the value."""
    field, *inside = error["loc"]
    # Name and key may be swapped, and then the place holds the secret.
    steps = ("…" if str(step).startswith((_FOR_SERVERS, "whsec_")) else str(step) for step in inside)
    place = f" ({'.'.join(steps)})" if inside and field in _EXAMPLES else ""
    return f"{variable(field)}{place}: {error['msg'].removeprefix('Value error, ')}; {Settings.model_fields[field].description}"


def _check_production(given: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[str]:
    for field, remedy in _PRODUCTION_NEEDS.items():
        if field not in given and variable(field) + "_FILE" not in environ:
            yield f"{variable(field)} must be set in production: {remedy}"
    if given.get("public_url", "https:").startswith("http:"):
        yield f"{variable('public_url')} must begin with https:// in production; links in mail carry rights"
    if "clock_file" in given:
        yield f"{variable('clock_file')} must be unset in production; only tests and the demo move time"


def _kept_keys(file: Path) -> dict[str, Any]:
    """The keys kept in `file`, made on the first call; of several processes that make them at once, one wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        draft = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps({"secret_key": secrets.token_urlsafe(32), "write_keys": {"website": new_write_key()}}))
        try:
            file.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    try:
        kept: dict[str, Any] = json.loads(file.read_text())
        return {"secret_key": str(kept["secret_key"]), "write_keys": dict(kept["write_keys"])}
    except (ValueError, KeyError, TypeError, OSError):
        raise SettingsError(
            f"{file} cannot be read; put back a good copy, or delete it (links sent so far end to work)"
        ) from None


def settings_table() -> str:
    """The settings as a Markdown table, as it stands in the README."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = f"`{field.default}`" if field.default or isinstance(field.default, int) else ""
        also = f" (or `{variable(name)}_FILE`)" if name in FROM_FILE else ""
        rows.append(f"| `{variable(name)}`{also} | {default} | {field.description} |")
    return "\n".join(rows)
