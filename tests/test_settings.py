"""Settings: read from the environment, every mistake told at once, no secret ever shown."""

import json
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from nurture.errors import SettingsError
from nurture.keys import WriteKey, new_secret_key
from nurture.settings import FROM_FILE, Settings, settings_table, variable

KEY_OF_LINKS = "fJ7Qm2xRz8LwTb4vKc9hNd3s"

PRODUCTION = {
    "NURTURE_MODE": "production",
    "NURTURE_SECRET_KEY": KEY_OF_LINKS,
    "NURTURE_DATABASE_URL": "postgresql://engine:dbpass@db/nurture",
    "NURTURE_REDIS_URL": "rediss://:redispass@redis:6379/0",
    "NURTURE_SMTP_URL": "smtp://mailer:smtp%21pass@mail:587",
    "NURTURE_WRITE_KEYS": '{"website": "wk_website1"}',
    "NURTURE_PUBLIC_URL": "https://news.example.com",
}


SECRET_KEY = "sk_" + "s3cret" * 5
SECRET_KEYS = f'{{"crm": "{SECRET_KEY}"}}'
WEBHOOK_SECRET = "whsec_" + "c2VjcmV0" * 4
HOOK_SECRETS = '{"postmark": "nurture:hunter2", "mailgun": ["key-old-12345", "key-new-12345"]}'
HANDOFF_SECRETS = f'{{"crm": "{WEBHOOK_SECRET}"}}'


IMAP = {"NURTURE_IMAP_URL": "imaps://bounces:imap%21pass@mail/INBOX"}


def refused(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as error:
        Settings.load(environ)
    return str(error.value)


def test_production_needs_nothing_but_its_seven_variables() -> None:
    settings = Settings.load(PRODUCTION)
    assert settings.production
    assert settings.database == "postgresql://engine:dbpass@db/nurture"
    assert settings.redis == "rediss://:redispass@redis:6379/0"
    assert settings.smtp == "smtp://mailer:smtp%21pass@mail:587"
    assert settings.secret == KEY_OF_LINKS
    assert settings.write_keys == {"website": WriteKey(key="wk_website1")}
    assert settings.public_url == "https://news.example.com"


@pytest.mark.parametrize("missing", sorted(PRODUCTION.keys() - {"NURTURE_MODE"}))
def test_production_refuses_to_start_without_each_of_them(missing: str) -> None:
    told = refused({name: value for name, value in PRODUCTION.items() if name != missing})
    assert f"{missing} must be set in production" in told


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"NURTURE_PUBLIC_URL": "http://news.example.com"}, "NURTURE_PUBLIC_URL must begin with https://"),
        ({"NURTURE_CLOCK_FILE": "clock"}, "NURTURE_CLOCK_FILE must be unset in production"),
        ({"NURTURE_SECRET_KEY": "short"}, "NURTURE_SECRET_KEY"),
        ({"NURTURE_MODE": "prod"}, "NURTURE_MODE: Input should be 'development' or 'production'"),
        ({"NURTURE_PORT": "80800"}, "NURTURE_PORT"),
        ({"NURTURE_PORT": "http"}, "NURTURE_PORT"),
        ({"NURTURE_REDIS_URL": "amqp://redis"}, "NURTURE_REDIS_URL: must begin with redis:// or rediss://"),
        ({"NURTURE_SMTP_URL": "mail.example.com:587"}, "NURTURE_SMTP_URL: must begin with smtp:// or smtps://"),
        ({"NURTURE_DATABASE_URL": "mysql://db"}, "NURTURE_DATABASE_URL: must begin with postgresql:// or sqlite://"),
        ({"NURTURE_PUBLIC_URL": "https://example.com/path"}, "NURTURE_PUBLIC_URL"),
        ({"NURTURE_WRITE_KEYS": "wk_website1"}, 'NURTURE_WRITE_KEYS: must be JSON such as {"website": "KEY"}'),
        ({"NURTURE_WRITE_KEYS": '{"shop": "has spaces in it"}'}, "NURTURE_WRITE_KEYS (shop.key)"),
        ({"NURTURE_WRITE_KEYS": '{"shop": 5}'}, "NURTURE_WRITE_KEYS (shop)"),
        ({"NURTURE_WRITE_KEYS": '{"shop": {"key": "wk_shop_1", "origin": "https://x"}}'}, "NURTURE_WRITE_KEYS (shop.origin)"),
        ({"NURTURE_WRITE_KEYS": '{"shop": {"key": "wk_shop_1", "origins": []}}'}, "NURTURE_WRITE_KEYS (shop.origins)"),
        ({"NURTURE_WRITE_KEYS": f'{{"shop": "{SECRET_KEY}"}}'}, "NURTURE_WRITE_KEYS (shop.key): is a secret key"),
        ({"NURTURE_WRITE_KEYS": f'{{"{"s" * 65}": "wk_shop_1"}}'}, "at most 64 characters"),
        ({"NURTURE_SECRET_KEYS": "sk_x"}, 'NURTURE_SECRET_KEYS: must be JSON such as {"crm": "sk_…"}'),
        ({"NURTURE_SECRET_KEYS": '{"crm": "wk_website1"}'}, "NURTURE_SECRET_KEYS (crm.0): must be sk_ and 20 to 125 random"),
        ({"NURTURE_SECRET_KEYS": '{"crm": "sk_short"}'}, "NURTURE_SECRET_KEYS (crm.0): must be sk_ and 20 to 125 random"),
        ({"NURTURE_SECRET_KEYS": f'{{"website": "{SECRET_KEY}"}}'}, "NURTURE_SECRET_KEYS: website is the name of a write key"),
        ({"NURTURE_HANDOFF_SECRETS": "whsec_x"}, 'NURTURE_HANDOFF_SECRETS: must be JSON such as {"crm": "whsec_…"}'),
        (
            {"NURTURE_HANDOFF_SECRETS": '{"crm": "whsec_c2hvcnQ="}'},
            "NURTURE_HANDOFF_SECRETS (crm.0): must be whsec_ and 24 to 64",
        ),
        ({"NURTURE_HANDOFF_SECRETS": '{"crm": "hunter2"}'}, "NURTURE_HANDOFF_SECRETS (crm.0): must be whsec_"),
        ({"NURTURE_SWEEP_SECONDS": "0"}, "NURTURE_SWEEP_SECONDS"),
        ({"NURTURE_REDIS_ULR": "redis://redis"}, "NURTURE_REDIS_ULR is no setting; did you mean NURTURE_REDIS_URL?"),
        ({"NURTURE_SECRET_KEY_FILE": "/nowhere"}, "NURTURE_SECRET_KEY and NURTURE_SECRET_KEY_FILE are both set; keep one"),
    ],
)
def test_a_wrong_variable_is_named_with_its_remedy(variables: dict[str, str], told: str) -> None:
    assert told in refused(PRODUCTION | variables)


def test_all_mistakes_are_told_at_once() -> None:
    told = refused(
        {
            "NURTURE_MODE": "production",
            "NURTURE_PORT": "0",
            "NURTURE_LOG_LEVEL": "loud",
            "NURTURE_SMTP_URL_FILE": "/nowhere/smtp",
            "NURTURE_REDIS_URL": "http://x",
            "NURTURE_DATABSE_URL": "x",
        }
    )
    for name in ("PORT", "LOG_LEVEL", "SMTP_URL_FILE", "REDIS_URL", "DATABSE_URL", "SECRET_KEY", "WRITE_KEYS", "PUBLIC_URL"):
        assert f"NURTURE_{name}" in told
    assert len(told.splitlines()) == 1 + 9


def test_no_refusal_shows_a_value() -> None:
    secrets = {name: "hunter2" for name in PRODUCTION if name != "NURTURE_MODE"}
    assert "hunter2" not in refused({"NURTURE_MODE": "production", **secrets})


@pytest.mark.parametrize("name", ["NURTURE_WRITE_KEYS", "NURTURE_SECRET_KEYS", "NURTURE_HANDOFF_SECRETS"])
@pytest.mark.parametrize("secret", [SECRET_KEY, WEBHOOK_SECRET])
def test_a_secret_in_the_place_of_its_name_is_not_shown(name: str, secret: str) -> None:
    told = refused(PRODUCTION | {name: json.dumps({secret: "crm"})})
    assert f"{name} (…" in told
    assert secret not in told


def test_variables_of_other_programs_and_empty_ones_are_let_be(tmp_path: Path) -> None:
    settings = Settings.load(
        {"NURTURE_DATA_DIR": str(tmp_path), "NURTURE_WEBSITE_THEME": "x", "NURTURE_REDIS_URL": "", "PORT": "1"}
    )
    assert settings.redis_url is None
    assert settings.port == 8000


@pytest.mark.parametrize("field", sorted(FROM_FILE - {"smtp_urls"}))
def test_a_secret_may_stand_in_a_file(field: str, tmp_path: Path) -> None:
    name = variable(field)
    file = tmp_path / "secret"
    every = PRODUCTION | {
        "NURTURE_HANDOFF_SECRETS": HANDOFF_SECRETS, "NURTURE_SECRET_KEYS": SECRET_KEYS, "NURTURE_HOOK_SECRETS": HOOK_SECRETS,
        "NURTURE_FORMER_SECRET_KEYS": "f" * 32, "NURTURE_REPORT_PASSWORD": "tall hat, 3 birds",
    } | IMAP  # fmt: skip
    file.write_text(every[name] + "\n")
    environ = {each: value for each, value in every.items() if each != name} | {f"{name}_FILE": str(file)}
    assert Settings.load(environ) == Settings.load(every)


def test_a_hook_has_one_secret_or_several_and_none_is_shown() -> None:
    settings = Settings.load(PRODUCTION | {"NURTURE_HOOK_SECRETS": HOOK_SECRETS})
    assert settings.secrets_of_hooks == {"postmark": ("nurture:hunter2",), "mailgun": ("key-old-12345", "key-new-12345")}
    assert {"nurture:hunter2", "key-old-12345", "key-new-12345"} <= set(settings.secret_values)
    assert "hunter2" not in repr(settings)
    assert Settings.load(settings.as_environ()).hook_secrets == settings.hook_secrets


@pytest.mark.parametrize("secrets", ['{"a": "short"}', '{"a": []}', '{"a": 5}', "a:b"])
def test_a_hooks_secret_that_is_none_is_refused(secrets: str) -> None:
    assert "NURTURE_HOOK_SECRETS" in refused(PRODUCTION | {"NURTURE_HOOK_SECRETS": secrets})


def test_former_secret_keys_are_read_one_by_one_and_never_shown() -> None:
    settings = Settings.load(PRODUCTION | {"NURTURE_FORMER_SECRET_KEYS": "oldest-of-all  older"})
    assert settings.former_secrets == ["oldest-of-all", "older"]
    assert {"oldest-of-all", "older"} <= set(settings.secret_values)


def test_every_secret_may_stand_in_a_file() -> None:
    secret = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    assert secret <= FROM_FILE


def test_every_transport_has_a_variable_of_its_own_which_may_name_a_file(tmp_path: Path) -> None:
    (tmp_path / "bulk").write_text("smtps://bulk:bulkpass@relay\n")
    more = {"NURTURE_SMTP_URL_SECOND_WAY": "smtp://second", "NURTURE_SMTP_URL_BULK_FILE": str(tmp_path / "bulk")}
    settings = Settings.load(PRODUCTION | more)
    expected = {"default": PRODUCTION["NURTURE_SMTP_URL"], "second_way": "smtp://second", "bulk": "smtps://bulk:bulkpass@relay"}
    assert settings.transports == expected
    assert Settings.load(settings.as_environ()).transports == expected
    assert "bulkpass" in set(settings.secret_values)
    assert "bulkpass" not in repr(settings)


def test_a_wrong_transport_is_named() -> None:
    told = refused(PRODUCTION | {"NURTURE_SMTP_URL_BULK": "http://bulk:topsecret@relay"})
    assert "NURTURE_SMTP_URL_BULK: must begin with smtp://" in told
    assert "topsecret" not in told


def test_settings_show_no_secret() -> None:
    shown = repr(Settings.load(PRODUCTION)) + str(Settings.load(PRODUCTION))
    for secret in (KEY_OF_LINKS, "dbpass", "redispass", "smtp%21pass"):
        assert secret not in shown


def test_the_values_that_may_never_be_printed_are_known() -> None:
    known = {KEY_OF_LINKS, "dbpass", "redispass", "smtp!pass", "smtp%21pass", "imap!pass", "imap%21pass"}
    assert set(Settings.load(PRODUCTION | IMAP).secret_values) == known


def test_development_makes_its_keys_once_and_keeps_them_to_itself(tmp_path: Path) -> None:
    environ = {"NURTURE_DATA_DIR": str(tmp_path / "data")}
    first, second = Settings.load(environ), Settings.load(environ)
    assert first.secret == second.secret
    assert len(first.secret) >= 32
    assert first.write_keys == second.write_keys
    assert list(first.write_keys) == ["website"]
    kept = tmp_path / "data" / "keys.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [file.name for file in kept.parent.iterdir()] == ["keys.json"]


def test_keys_given_come_before_keys_kept(tmp_path: Path) -> None:
    given = {"NURTURE_DATA_DIR": str(tmp_path), "NURTURE_SECRET_KEY": "s" * 20}
    settings = Settings.load(given)
    assert settings.secret == "s" * 20
    kept = json.loads((tmp_path / "keys.json").read_text())["write_keys"]
    assert {name: written.key for name, written in settings.write_keys.items()} == kept


def test_a_spoilt_key_file_is_refused_instead_of_replaced(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{")
    assert "keys.json cannot be read" in refused({"NURTURE_DATA_DIR": str(tmp_path)})
    assert (tmp_path / "keys.json").read_text() == "{"


def test_links_lead_to_the_port_unless_a_public_url_is_given(tmp_path: Path) -> None:
    environ = {"NURTURE_DATA_DIR": str(tmp_path), "NURTURE_PORT": "9000"}
    assert Settings.load(environ).public_url == "http://localhost:9000"
    assert Settings.load(environ | {"NURTURE_PUBLIC_URL": "http://x.test"}).public_url == "http://x.test"


def test_a_child_process_reads_the_same_settings(tmp_path: Path) -> None:
    settings = Settings.load({"NURTURE_DATA_DIR": str(tmp_path), "NURTURE_CLOCK_FILE": str(tmp_path / "clock")})
    child = Settings.load(settings.as_environ())
    assert child.as_environ() == settings.as_environ()
    assert child.config_dir == Path("config").absolute()
    assert Settings.load(Settings.load(PRODUCTION).as_environ()).secret == KEY_OF_LINKS


def test_without_servers_the_remedy_is_told(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert settings.database == f"sqlite:///{tmp_path}/nurture.db"
    for name in ("redis", "smtp"):
        with pytest.raises(SettingsError, match=f"start `nurture up`, or set NURTURE_{name.upper()}_URL"):
            getattr(settings, name)


def test_other_commands_find_the_redis_that_up_runs(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    settings.redis_url_file.parent.mkdir()
    settings.redis_url_file.write_text("redis://:x@127.0.0.1:1234/0")
    assert settings.redis == "redis://:x@127.0.0.1:1234/0"
    assert settings.model_copy(update={"redis_url": SecretStr("redis://other")}).redis == "redis://other"


def test_the_table_has_a_row_for_every_setting() -> None:
    table = settings_table()
    for name, field in Settings.model_fields.items():
        assert f"| `{variable(name)}`" in table
        assert field.description
        assert field.description in table


def test_what_signs_hand_offs_is_a_secret_and_reaches_child_processes() -> None:
    settings = Settings.load(PRODUCTION | {"NURTURE_HANDOFF_SECRETS": HANDOFF_SECRETS})
    assert settings.webhook_secrets == {"crm": (WEBHOOK_SECRET,)}
    assert WEBHOOK_SECRET in set(settings.secret_values)
    assert WEBHOOK_SECRET not in repr(settings)
    assert Settings.load(settings.as_environ()).webhook_secrets == settings.webhook_secrets


def test_a_hand_off_has_one_secret_or_several_or_a_token_of_another_system() -> None:
    given = {"crm": [WEBHOOK_SECRET, "whsec_" + "b3RoZXIh" * 4], "hubspot": "pat-eu1-12345678"}
    settings = Settings.load(PRODUCTION | {"NURTURE_HANDOFF_SECRETS": json.dumps(given)})
    assert settings.webhook_secrets == {"crm": tuple(given["crm"]), "hubspot": ("pat-eu1-12345678",)}
    assert settings.handoff_tokens == {"hubspot"}
    assert {*given["crm"], "pat-eu1-12345678"} <= set(settings.secret_values)
    assert Settings.load(settings.as_environ()).webhook_secrets == settings.webhook_secrets


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("https://www.Example.com", "https://www.example.com"),
        ("https://www.example.com/", "https://www.example.com"),
        ("https://www.example.com:443", "https://www.example.com"),
        ("https://www.example.com:80", "https://www.example.com:80"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://xn--mller-kva.example", "https://xn--mller-kva.example"),
    ],
)
def test_origins_are_compared_as_browsers_send_them(written: str, sent: str) -> None:
    keys = json.dumps({"shop": {"key": "wk_shop_1", "origins": [written]}})
    settings = Settings.load(PRODUCTION | {"NURTURE_WRITE_KEYS": keys})
    assert settings.write_keys["shop"].origins == frozenset({sent})
    assert Settings.load(settings.as_environ()).write_keys == settings.write_keys


@pytest.mark.parametrize(
    "origin", ["example.com", "https://example.com/shop", "https://", "ftp://example.com", "*", "https://*.example.com", "null", "",
               "https://user@example.com", "https://müller.example", "https://example.com:", "https://example.com?x", "https://a b"],
)  # fmt: skip
def test_what_is_no_origin_is_refused_with_its_place(origin: str) -> None:
    keys = json.dumps({"shop": {"key": "wk_shop_1", "origins": ["https://good.example", origin]}})
    assert "NURTURE_WRITE_KEYS (shop.origins.1): must be an origin such as" in refused(PRODUCTION | {"NURTURE_WRITE_KEYS": keys})


def test_secret_keys_are_secret_and_reach_child_processes() -> None:
    settings = Settings.load(PRODUCTION | {"NURTURE_SECRET_KEYS": SECRET_KEYS})
    assert settings.server_keys == {"crm": (SECRET_KEY,)}
    assert SECRET_KEY in set(settings.secret_values)
    assert SECRET_KEY not in repr(settings)
    assert Settings.load(settings.as_environ()).server_keys == settings.server_keys


def test_a_secret_key_that_is_made_is_taken_and_no_other_is_like_it() -> None:
    first, second = new_secret_key(), new_secret_key()
    assert first != second
    assert Settings.load(PRODUCTION | {"NURTURE_SECRET_KEYS": json.dumps({"crm": first})}).server_keys == {"crm": (first,)}
