"""Kernels for tests that begin at once: copies of one process that has imported torch and the methods already.

To import them takes six seconds of a processor, and some two hundred tests start a kernel of their own. What Jupyter
starts for such a kernel is this file, as a program of the standard library alone: it asks the process that is ready for
a copy, passes its signals on to it, and ends with it.
"""

import contextlib
import ctypes
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

# pandas comes with the first chart. Not ipywidgets: it must find its kernel when it is imported.
AWAKE = """
import importlib, torch, torchvision, pandas, ipykernel.kernelapp
from cnnviz_widgets import registry
for one in registry.techniques():
    importlib.import_module(one.module)
"""
PR_SET_PDEATHSIG = 1  # of <sys/prctl.h>: the signal with which a process follows its parent


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
    """The process that is ready: one copy for each that asks, for as long as that one lives.

    A kernel is ended from here, by the system: one that hangs, also while it ends, could not do it itself.
    """
    exec(AWAKE)
    gc.freeze()  # no copy looks for garbage in it: each would need its own copy of the memory
    kernels: dict[int, tuple[socket.socket, int]] = {}  # of each who asked for it, and a file that is read at its end
    with selectors.DefaultSelector() as events:
        events.register(listening, selectors.EVENT_READ)
        while True:
            for event, _ in events.select():
                if event.fileobj is listening:
                    asking, _ = listening.accept()
                    message, files, _, _ = socket.recv_fds(asking, 1 << 20, 3)
                    if (number := os.fork()) == 0:
                        for one in (listening, events, *(one for one, _ in kernels.values())):
                            one.close()
                        become_kernel(asking, message, files)
                        os._exit(0)  # to take leave of every module takes a second
                    for file in files:
                        os.close(file)
                    kernels[number] = asking, os.pidfd_open(number)
                    for one in kernels[number]:
                        events.register(one, selectors.EVENT_READ, number)
                elif event.data in kernels:
                    os.kill(event.data, signal.SIGKILL)
                    os.waitpid(event.data, 0)
                    asking, ending = kernels.pop(event.data)
                    for one in (asking, ending):
                        events.unregister(one)
                    asking.close()
                    os.close(ending)


def become_kernel(asking: socket.socket, message: bytes, files: list[int]) -> None:
    """The copy: a kernel as if it had been started by the one who asks."""
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    given = json.loads(message)
    for stream, file in enumerate(files):
        os.dup2(file, stream)
        os.close(file)
    os.environ.clear()
    os.environ.update(given["environment"])
    os.environ.pop("JPY_PARENT_PID", None)
    os.chdir(given["folder"])
    asking.sendall(json.dumps(os.getpid()).encode())
    asking.close()
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
