"""Mails as servers and readers send them back, for tests of what follows from them."""

BOUNCES = "bounces.example.com"


def bounce(name: str, status: str = "5.1.1", action: str = "failed", number: int = 1) -> bytes:
    """A delivery report (RFC 3464) of the mail called `name`."""
    return f"""\
Return-Path: <>
From: MAILER-DAEMON@mx.acme.test
To: b-{name}@{BOUNCES}
Subject: Undelivered Mail Returned to Sender
Message-ID: <bounce-{number}@mx.acme.test>
Date: Mon, 02 Mar 2026 08:59:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"

--=_b
Content-Type: text/plain; charset=us-ascii

The mail could not be delivered.

--=_b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.acme.test

Final-Recipient: rfc822; ana@acme.test
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} <ana@acme.test> not taken

--=_b--
""".replace("\n", "\r\n").encode()


def out_of_office(name: str) -> bytes:
    """An answer of a responder to the mail called `name`."""
    return f"""\
Return-Path: <>
From: Ana <ana@acme.test>
To: b-{name}@{BOUNCES}
Subject: Automatic reply: The guide
Message-ID: <away@mx.acme.test>
Auto-Submitted: auto-replied

I am back on Monday.
""".replace("\n", "\r\n").encode()


def reply(name: str) -> bytes:
    """Somebody's answer to the mail called `name`."""
    return f"""\
Return-Path: <ana@acme.test>
From: Ana <ana@acme.test>
To: Anna Martin <anna@example.com>
Subject: Re: The guide
Message-ID: <answer@mx.acme.test>
In-Reply-To: <{name}@example.com>
References: <{name}@example.com>

Thank you, may I call you tomorrow?
""".replace("\n", "\r\n").encode()


def unsubscription(name: str) -> bytes:
    """The mail that a mail program writes when its reader presses its button to unsubscribe from the mail called `name`."""
    return f"""\
Return-Path: <ana@acme.test>
From: Ana <ana@acme.test>
To: leave@example.com
Subject: {name}
Message-ID: <leave@mx.acme.test>

""".replace("\n", "\r\n").encode()
