"""A URL names a mail server, and says how it is to be used."""

import pytest

from nurture.adapters.mail.server import Server, parse_url
from nurture.errors import SettingsError


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://relay", Server("relay", 25, tls=False, starttls="offered", user=None, password="")),
        ("smtp://u:p%40@relay", Server("relay", 587, tls=False, starttls="required", user="u", password="p@")),
        ("smtp://u:p@relay:2525?starttls=off", Server("relay", 2525, tls=False, starttls="off", user="u", password="p")),
        ("smtps://u:p@relay", Server("relay", 465, tls=True, starttls="required", user="u", password="p")),
        ("smtp://relay?connections=20&mails_per_connection=5",
         Server("relay", 25, tls=False, starttls="offered", user=None, password="", connections=20, mails_per_connection=5)),
        ("smtp://[::1]:25/", Server("::1", 25, tls=False, starttls="offered", user=None, password="")),
    ],
)  # fmt: skip
def test_a_url_names_a_server(url: str, server: Server) -> None:
    assert parse_url(url) == server


@pytest.mark.parametrize(
    "url",
    ["http://relay", "relay:25", "smtp://", "smtp://u:topsecret@relay:port", "smtp://u:topsecret@relay/path",
     "smtp://u:topsecret@relay?tls=1", "smtp://u:topsecret@relay?starttls=maybe", "smtp://u:topsecret@relay?connections=0",
     "smtp://u:topsecret@relay?mails_per_connection=many"],
)  # fmt: skip
def test_a_url_that_names_no_server_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(SettingsError, match="NURTURE_SMTP_URL") as caught:
        parse_url(url)
    assert "topsecret" not in str(caught.value)


def test_a_mistake_names_the_setting_of_its_transport() -> None:
    with pytest.raises(SettingsError, match="NURTURE_SMTP_URL_BULK"):
        parse_url("smtp://", "NURTURE_SMTP_URL_BULK")
