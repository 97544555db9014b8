"""A mail server that does exactly what a script says: one function for each connection, in a thread."""

import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Conversation:
    """The server's side of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")

    def say(self, line: str) -> None:
        self._connection.sendall(f"{line}\r\n".encode())

    def hear(self, verb: str) -> str:
        """The next command, which must begin with `verb`."""
        line = self._file.readline().decode()
        assert line.upper().startswith(verb), f"expected {verb}, heard {line!r}"
        return line.rstrip("\r\n")

    def greet(self, *extensions: str) -> None:
        """The banner and the answer to EHLO."""
        self.say("220 scripted ESMTP")
        self.hear("EHLO")
        self.say("250-scripted")
        for extension in extensions:
            self.say(f"250-{extension}")
        self.say("250 HELP")

    def take_envelope(self) -> None:
        """Accept MAIL and RCPT, and invite the body."""
        self.hear("MAIL")
        self.say("250 ok")
        self.hear("RCPT")
        self.say("250 ok")
        self.hear("DATA")
        self.say("354 go on")

    def take_body(self) -> bytes:
        """Everything up to the final dot, as it came over the wire."""
        lines = []
        while (line := self._file.readline()) != b".\r\n":
            assert line, "the client hung up inside the body"
            lines.append(line)
        return b"".join(lines)

    def read_bytes(self, number: int) -> bytes:
        return self._file.read(number)

    def part(self) -> None:
        """Answer QUIT."""
        self.hear("QUIT")
        self.say("221 bye")

    def wait_for_hang_up(self) -> None:
        """Say nothing until the client has gone."""
        while self._file.read(4096):
            pass

    def reset(self) -> None:
        """Cut the connection so that the client's next act fails (RST instead of FIN)."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.close()

    def close(self) -> None:
        self._file.close()
        self._connection.close()


Script = Callable[[Conversation], None]


class ScriptedServer:
    """Plays one script per connection, in order; what goes wrong in a script fails the test at the end."""

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._failures: list[BaseException] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.url = f"smtp://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._thread.join(10)
        self._listener.close()
        if error is None:
            assert not self._thread.is_alive(), "the script was not played to its end"
            for failure in self._failures:
                raise failure

    def _serve(self) -> None:
        self._listener.settimeout(10)
        for script in self._scripts:
            try:
                connection, _ = self._listener.accept()
                connection.settimeout(10)
                conversation = Conversation(connection)
            except OSError as error:
                self._failures.append(error)
                return
            try:
                script(conversation)
            except (AssertionError, OSError) as error:
                self._failures.append(error)
            finally:
                conversation.close()
