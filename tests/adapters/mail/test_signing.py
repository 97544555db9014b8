"""Signatures are checked by dkimpy as a mailbox provider would, with the record that the command prints as the DNS."""

import builtins
import sys
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from stat import S_IMODE
from typing import Any

import dkim
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from dkim.canonicalization import CanonicalizationPolicy
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.adapters.mail.mime import Part, assemble
from nurture.adapters.mail.signing import KeyKind, Signer, make_key, public_record, read_key, signer_for, zone_line
from nurture.adapters.mail.writer import MailWriter
from nurture.domain.mail.marks import Dkim
from nurture.errors import SettingsError
from tests.adapters.mail.letters import AT, PUBLIC_URL, TEMPLATES, TOKENS, definitions, letter, parsed

POLICY = Dkim(domain="example.com", selector="n2026")
NAME = b"n2026._domainkey.example.com."


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dkim")
    make_key(folder / "n2026.pem", "rsa")
    make_key(folder / "ed.pem", "ed25519")
    return folder


def verifies(raw: bytes, folder: Path) -> bool:
    record = public_record(read_key(folder / "n2026.pem")).encode()
    try:
        return bool(dkim.DKIM(raw).verify(dnsfunc=lambda name, timeout=5: record if name == NAME else None))
    except dkim.ValidationError:
        return False


def write(folder: Path, **sending: Any) -> bytes:
    the_writer = MailWriter(TEMPLATES, PUBLIC_URL, TOKENS, dkim_folder=folder)
    return the_writer.write(letter(first_name="Zoé"), definitions(dkim=POLICY.model_dump() | sending), AT).raw


def test_a_mail_is_signed_and_verifies(keys: Path) -> None:
    raw = write(keys)
    assert verifies(raw, keys)
    assert write(keys) == raw
    head = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert head[0].startswith(b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com;")
    assert all(len(line) <= 78 for line in head if b"https://" not in line)


def test_all_that_a_provider_looks_at_is_signed(keys: Path) -> None:
    tags = dict(tag.strip().split("=", 1) for tag in parsed_signature(write(keys)).split(";"))
    names = "".join(tags["h"].split()).split(":")
    assert names.count("from") == 2
    assert {"from", "subject", "date", "message-id", "to", "list-unsubscribe", "list-unsubscribe-post", "feedback-id", "content-type",
            "mime-version", "list-id"} <= set(names)  # fmt: skip
    assert "l" not in tags


def parsed_signature(raw: bytes) -> str:
    from nurture.ports import Written

    return str(parsed(Written(raw, "", "", ""))["DKIM-Signature"])


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (b"Subject: Half", b"Subject: Whole"),
        (b"List-Unsubscribe: <https", b"List-Unsubscribe: <http"),
        (b"List-Unsubscribe-Post: List", b"List-Unsubscribe-Post: Lost"),
        (b"From: Camille", b"From: Camilla"),
        (b"\r\nFrom: Camille", b"\r\nFrom: eve@example.com\r\nFrom: Camille"),
        (b"Message-ID: <", b"Message-ID: <a"),
        (b"Hello", b"Hallo"),
    ],
)
def test_whatever_is_changed_on_the_way_is_found(keys: Path, right: bytes, wrong: bytes) -> None:
    raw = write(keys)
    assert raw.count(right) > 0
    assert not verifies(raw.replace(right, wrong, 1), keys)


def test_what_relays_may_change_is_forgiven(keys: Path) -> None:
    raw = write(keys)
    assert verifies(raw.replace(b"\r\nSubject: Half ", b"\r\nsubject:  Half  "), keys)
    assert verifies(b"Received: by a relay\r\n" + raw + b"\r\n\r\n", keys)


@settings(max_examples=60)
@given(
    subject=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
)
def test_any_mail_verifies(keys: Path, subject: str, text: str) -> None:
    head = ["From: a@example.com", "To: b@example.org", f"Subject: {subject}", "Date: Mon, 02 Mar 2026 09:30:00 +0000"]
    raw = assemble(head, (Part("plain", (text,)), Part("html", (f"<p>{text}</p>",))), "mark")
    assert verifies(signer_for(POLICY, keys).signed(raw, AT), keys)


def test_a_key_on_a_curve_signs_too(keys: Path) -> None:
    """dkimpy finds what was signed; the curve needs a package that is not there, so it is asked here."""
    raw = Signer(POLICY, read_key(keys / "ed.pem")).signed(write(keys, key="ed.pem"), AT)
    message = dkim.DKIM(raw)
    tags, names, field = message.verify_headerprep(0)
    assert tags[b"a"] == b"ed25519-sha256"
    form, digest = CanonicalizationPolicy.from_c_value(tags[b"c"]), sha256()
    assert b64decode(tags[b"bh"]) == sha256(form.canonicalize_body(message.body)).digest()
    dkim.hash_headers(digest, form, form.canonicalize_headers(message.headers), names, field[0], tags)
    record = public_record(read_key(keys / "ed.pem"))
    assert record.startswith("v=DKIM1; k=ed25519; p=")
    public = Ed25519PublicKey.from_public_bytes(b64decode(record.rpartition("p=")[2]))
    public.verify(b64decode(b"".join(tags[b"b"].split())), digest.digest())
    with pytest.raises(InvalidSignature):
        public.verify(b64decode(b"".join(tags[b"b"].split())), sha256(b"").digest())


def test_without_a_policy_or_a_folder_nothing_is_signed(keys: Path) -> None:
    for folder, policy in ((keys, definitions()), (None, definitions(dkim=POLICY.model_dump()))):
        raw = MailWriter(TEMPLATES, PUBLIC_URL, TOKENS, dkim_folder=folder).write(letter(), policy, AT).raw
        assert b"DKIM-Signature" not in raw


@pytest.mark.parametrize("content", [None, b"", b"secret", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_is_none_is_the_operators_to_mend(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "n2026.pem").write_bytes(content)
    with pytest.raises(SettingsError, match="nurture keys dkim") as caught:
        write(tmp_path)
    assert "secret" not in str(caught.value)


def test_without_its_package_the_error_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "dkim":
            raise ModuleNotFoundError(name=name)
        return found(name, *rest)

    monkeypatch.delitem(sys.modules, "dkim")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingsError, match=r"pip install 'nurture\[dkim\]'"):
        signer_for(POLICY, tmp_path)


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_key_is_its_owners_and_never_replaced(tmp_path: Path, kind: KeyKind) -> None:
    path = tmp_path / "new" / "s.pem"
    make_key(path, kind)
    assert S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        make_key(path, kind)
    line = zone_line("s", "example.com", public_record(read_key(path)))
    assert line.startswith(f's._domainkey.example.com. IN TXT "v=DKIM1; k={kind}; p=')
    assert all(len(text) <= 255 for text in line.split('"')[1::2])
    assert "".join(line.split('"')[1::2]) == public_record(read_key(path))
