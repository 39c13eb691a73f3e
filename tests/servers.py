"""A server of a test ends with it."""

import subprocess


def end(server: subprocess.Popen, seconds: float = 20) -> None:
    """Ask it to end, and kill it if it does not: a signal that meets a server at its start can be lost."""
    server.terminate()
    try:
        server.wait(seconds)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
