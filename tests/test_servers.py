"""A server that does not hear its signal ends, too."""

import signal
import subprocess
import sys

from servers import end

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"


def test_one_that_does_not_end_is_killed():
    with subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE) as server:
        assert server.stdout.readline()
        end(server, 0.2)
    assert server.returncode == -signal.SIGKILL
