"""What is looked at before anything starts."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from nurture.errors import NurtureError
from nurture.supervisor.guards import only_one, require_free_port

ROOT = Path(__file__).parents[2]

_HOLDER = """
import sys
from pathlib import Path
from nurture.supervisor.guards import only_one
with only_one(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_belongs_to_one_process_until_it_ends_however_it_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(NurtureError, match=rf"runs already .* \(process {holder.pid}\)"), only_one(tmp_path):
            pass
        holder.kill()
    with only_one(tmp_path):
        assert (tmp_path / "up.lock").read_text() == str(os.getpid())


def test_a_port_in_use_is_told_with_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(NurtureError, match=f"127.0.0.1 port {port}: Address already in use. Choose another with --port"):
            require_free_port("127.0.0.1", port)
    require_free_port("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(NurtureError, match=r"Cannot listen on 192\.0\.2\.1"):
        require_free_port("192.0.2.1", 8000)
