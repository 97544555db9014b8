"""DKIM signatures (H8), signed by the library that also verifies them."""

from base64 import b64encode
from dataclasses import replace
from functools import cache

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from nurture.adapters.mail.linting.linter import lint
from nurture.adapters.mail.linting.rules import Finding
from tests.adapters.mail.linting.drafts import good

FIELDS = [
    b"from", b"to", b"subject", b"date", b"message-id", b"list-unsubscribe", b"list-unsubscribe-post", b"feedback-id",
    b"content-type", b"mime-version",
]  # fmt: skip


@cache
def key(bits: int) -> tuple[bytes, bytes]:
    """A private key, and the record that publishes its public part."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    public = made.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    private = made.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return private, b"v=DKIM1; k=rsa; p=" + b64encode(public)


def findings(
    *, bits: int = 2048, domain: bytes = b"example.com", fields: list[bytes] = FIELDS, length: bool = False,
    swap: tuple[bytes, bytes] = (b"", b""), published: bytes | None = None,
) -> list[Finding]:  # fmt: skip
    private, record = key(bits)
    draft = good()
    signature = dkim.sign(draft.raw, b"mail", domain, private, include_headers=fields, length=length)
    context = replace(draft.context, dkim_key=lambda _: published or record, signs=True)
    return lint((signature + draft.raw).replace(*swap) if swap[0] else signature + draft.raw, draft.envelope, context)


def test_a_good_signature_is_good() -> None:
    assert findings() == []
    assert findings(domain=b"mail.example.com") == []


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("another organisation's domain", findings(domain=b"elsewhere.example")),
        ("does not cover feedback-id", findings(fields=[name for name in FIELDS if name != b"feedback-id"])),
        ("leave l= out", findings(length=True)),
        ("does not verify", findings(swap=(b"Hello Ada", b"Hello Eve"))),
        ("does not verify", findings(published=key(1024)[1].replace(b"p=", b"p=AAAA"))),
    ],
)
def test_a_bad_signature_is_an_error(said: str, found: list[Finding]) -> None:
    assert {(finding.id, finding.level) for finding in found} == {("H8", "E")}
    assert said in found[0].text


def test_an_old_algorithm_is_an_error() -> None:
    found = findings(swap=(b"a=rsa-sha256", b"a=rsa-sha1"))
    assert "an algorithm that is refused" in found[0].text


def test_a_short_key_is_doubtful() -> None:
    assert [(finding.id, finding.level) for finding in findings(bits=1024)] == [("H8", "W")]


def test_where_we_sign_each_mail_is_signed() -> None:
    draft = good()
    found = lint(draft.raw, draft.envelope, replace(draft.context, signs=True))
    assert [finding.id for finding in found] == ["H8"]
