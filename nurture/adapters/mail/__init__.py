"""Mail: e-mail templates into RFC 5322 bytes, the way to a mail server, and the development mailbox."""
