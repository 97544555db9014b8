"""The other side of each hook: bodies made of recorded shapes, and signed as each provider signs."""

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook

FIXTURES = Path(__file__).parent / "fixtures"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
SUBSCRIBE_URL = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f"

#: For each provider the one secret that its hook knows; of SendGrid it is the public half.
_SHOWN = "nurture:correct horse"
SENDGRID_KEY = ec.generate_private_key(ec.SECP256R1())
SECRETS: Mapping[str, str] = {
    "sendgrid": b64encode(SENDGRID_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode(),
    "mailgun": "key-of-mailgun-0123456789",
    "resend": "whsec_" + b64encode(b"a secret of twenty-four b").decode(),
    "custom": "a secret of the relay",
    **dict.fromkeys(("postmark", "mailjet", "brevo", "sparkpost"), _SHOWN),
}


class Signed(NamedTuple):
    """A request as a provider sends it."""

    headers: dict[str, str]
    body: bytes


def shape(name: str, mail: str) -> Any:
    """A recorded shape, with our name for a mail in it."""
    return json.loads((FIXTURES / f"{name}.json").read_text().replace("{{mail}}", mail))


@cache
def amazons_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, 2_048)


@cache
def certificate(*, expired: bool = False) -> bytes:
    """A certificate of the key, as Amazon keeps it at CERTIFICATE_URL."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(amazons_key().public_key()).serial_number(1)
    built = built.not_valid_before(begin).not_valid_after(begin + timedelta(days=365 if expired else 36_500))
    return built.sign(amazons_key(), SHA256()).public_bytes(Encoding.PEM)


def sns(told: Mapping[str, Any], *, version: str = "2") -> dict[str, Any]:
    """A message of Amazon SNS with its signature."""
    signed = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{told[name]}\n" for name in signed if told.get(name) is not None)
    hashed = {"1": SHA1, "2": SHA256}[version]()
    signature = amazons_key().sign(text.encode(), padding.PKCS1v15(), hashed)
    rest = {"SignatureVersion": version, "Signature": b64encode(signature).decode(), "SigningCertURL": CERTIFICATE_URL}
    return {**told, **rest}


def notification(told: Any, at: datetime, **changed: Any) -> dict[str, Any]:
    message = {
        "Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", "TopicArn": TOPIC,
        "Message": json.dumps(told), "Timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.012Z",
    }  # fmt: skip
    return {**message, **changed}


def subscription(at: datetime, **changed: Any) -> dict[str, Any]:
    message = {
        "Type": "SubscriptionConfirmation", "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b", "Token": "2336412f",
        "TopicArn": TOPIC, "Message": "You have chosen to subscribe.", "SubscribeURL": SUBSCRIBE_URL,
        "Timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.012Z",
    }  # fmt: skip
    return {**message, **changed}


def post_of(provider: str, told: Any, at: datetime) -> Signed:
    """What a provider tells, signed at an instant."""
    return {"ses": _ses, "sendgrid": _sendgrid, "mailgun": _mailgun, "resend": _resend, "custom": _custom}.get(provider, _shown)(
        told, at
    )


def _json(told: Any) -> bytes:
    return json.dumps(told).encode()


def _ses(told: Any, at: datetime) -> Signed:
    return Signed({"x-amz-sns-message-type": "Notification"}, _json(sns(notification(told, at))))


def _sendgrid(told: Any, at: datetime) -> Signed:
    body, stamp = _json(told), str(int(at.timestamp()))
    signature = SENDGRID_KEY.sign(stamp.encode() + body, ec.ECDSA(SHA256()))
    name = "x-twilio-email-event-webhook"
    return Signed({f"{name}-signature": b64encode(signature).decode(), f"{name}-timestamp": stamp}, body)


def _mailgun(told: Any, at: datetime) -> Signed:
    stamp = str(int(at.timestamp()))
    token = hashlib.sha256(_json(told)).hexdigest()[:50]
    right = hmac.new(SECRETS["mailgun"].encode(), f"{stamp}{token}".encode(), "sha256").hexdigest()
    return Signed({}, _json({**told, "signature": {"timestamp": stamp, "token": token, "signature": right}}))


def _resend(told: Any, at: datetime) -> Signed:
    body = _json(told)
    number = f"msg_{hashlib.sha256(body).hexdigest()[:20]}"
    signature = Webhook(SECRETS["resend"]).sign(number, at, body.decode())
    headers = {"svix-id": number, "svix-timestamp": str(int(at.timestamp())), "svix-signature": f"v1,AAAA {signature}"}
    return Signed(headers, body)


def _custom(told: Any, at: datetime) -> Signed:
    body, stamp = _json(told), str(int(at.timestamp()))
    right = hmac.new(SECRETS["custom"].encode(), f"{stamp}.".encode() + body, "sha256").hexdigest()
    return Signed({"x-signature": f"sha256={right}", "x-timestamp": stamp}, body)


def _shown(told: Any, _at: datetime) -> Signed:
    return Signed({"authorization": "Basic " + b64encode(_SHOWN.encode()).decode()}, _json(told))
