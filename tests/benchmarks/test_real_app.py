"""What a benchmark leaves behind: nothing, however it ends."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Answers as the app does, and has a worker that would outlive it.
SERVER = """
import http.server, subprocess, sys
subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("localhost", int(sys.argv[1])), Healthy).serve_forever()
"""
SCRIPT = """
import os, signal, sys
from benchmarks.real_app import answering
port, server, ending = sys.argv[1:]
command = [sys.executable, "-c", server, port]
with answering(command, f"http://localhost:{port}", dict(os.environ)):
    print("answered", flush=True)
    if ending == "waits":
        signal.pause()
"""


@pytest.mark.parametrize("ending", ["waits", "goes on"])
def test_server_and_workers_end_with_the_benchmark_also_where_it_is_terminated(ending):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    script = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(port), SERVER, ending],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert script.stdout is not None and script.stdout.readline() == "answered\n"
        if ending == "waits":
            script.terminate()
        # server and worker have its standard error: it ends when the last of them does
        _, said = script.communicate(timeout=30)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(script.pid, signal.SIGKILL)
    assert "Traceback" not in said
    assert script.returncode == (1 if ending == "waits" else 0)
