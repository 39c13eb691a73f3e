"""Kernels for tests that begin at once: copies of one process that has imported torch and torchvision already.

To import them takes six seconds of a processor, and some two hundred tests start a kernel of their own. What Jupyter
starts for such a kernel is this file, as a program of the standard library alone: it asks the process that is ready for
a copy, passes its signals on to it, and ends with it.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

AWAKE = "import torch, torchvision, ipykernel.kernelapp"  # not ipywidgets: it must find its kernel when it is imported


@contextlib.contextmanager
def warm_kernels(environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """What to add to the environment of those whose ``python3`` shall be such a kernel, while this lasts.

    environment  of the process that is copied: what torch reads when it is imported is the same in all of them
    """
    if sys.platform != "linux":  # elsewhere a process that has imported torch is not safely copied
        yield {}
        return
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listening:
        address = f"{folder}/warm"  # short: 108 bytes at most
        listening.bind(address)
        listening.listen(32)
        spec = Path(folder) / "kernels/python3"
        spec.mkdir(parents=True)
        program = [sys.executable, "-I", "-S", __file__, "ask", address, "-f", "{connection_file}"]
        described = {"argv": program, "display_name": "Python 3", "language": "python"}
        (spec / "kernel.json").write_text(json.dumps(described))
        number = listening.fileno()
        command = [sys.executable, __file__, "copy", str(number)]
        with subprocess.Popen(command, pass_fds=[number], env=environment) as process:
            try:
                yield {"JUPYTER_PATH": folder}
            finally:
                process.kill()


def copy(listening: socket.socket) -> None:
    """The process that is ready: one copy for each that asks."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    exec(AWAKE)
    while True:
        asking, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return become_kernel(asking)
        asking.close()


def become_kernel(asking: socket.socket) -> None:
    """The copy: a kernel as if it had been started by the one who asks, for as long as that one lives."""
    os.setsid()
    message, files, _, _ = socket.recv_fds(asking, 1 << 20, 3)
    given = json.loads(message)
    for stream, file in enumerate(files):
        os.dup2(file, stream)
        os.close(file)
    os.environ.clear()
    os.environ.update(given["environment"])
    os.environ.pop("JPY_PARENT_PID", None)
    os.chdir(given["folder"])
    asking.sendall(json.dumps(os.getpid()).encode())

    def end_with_it() -> None:
        asking.recv(1)
        os._exit(0)

    threading.Thread(target=end_with_it, daemon=True).start()
    from ipykernel.kernelapp import launch_new_instance

    alone = "--IPKernelApp.parent_handle=1"  # it does not look for the process that started it
    sys.argv = ["ipykernel_launcher", *given["arguments"], alone]
    sys.path[0] = ""  # as ``python -m ipykernel_launcher`` has it: the notebook's folder
    launch_new_instance()


def ask(address: str, *arguments: str) -> None:
    """What Jupyter starts: the copy's signals come through it, and it ends with it."""
    with socket.socket(socket.AF_UNIX) as to:
        to.connect(address)
        given = {"environment": dict(os.environ), "folder": os.getcwd(), "arguments": arguments}
        socket.send_fds(to, [json.dumps(given).encode()], [0, 1, 2])
        kernel = json.loads(to.recv(64))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: os.kill(kernel, number))
        to.recv(1)


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "copy":
        copy(socket.socket(fileno=int(rest[0])))
    else:
        ask(*rest)
