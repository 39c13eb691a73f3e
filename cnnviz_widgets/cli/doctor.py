"""``cnnviz doctor``: what is installed, what computes, which networks are here. One screen, and never a traceback."""

import json
import os
import platform
import textwrap
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module, metadata
from pathlib import Path
from pkgutil import iter_modules

from cnnviz_widgets.errors import UserError

from .course import pristine_course

DISTRIBUTION = "cnnviz-widgets"
LABEXTENSIONS = ("@jupyter-widgets/jupyterlab-manager", "anywidget", "bqplot", "bqscales")


class Problem(str):
    """A line that says what is missing and what to do."""


def doctor() -> int:
    """Print the report and return 0, or 1 when a line names a problem."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _report()


def _report() -> int:
    print(f"cnnviz on Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    problems = 0
    for title, check in CHECKS.items():
        for line in _lines(check):
            problem = isinstance(line, Problem)
            problems += problem
            margin = f"{'!' if problem else ' '} {title:<10} "
            indent = " " * len(margin)
            print(textwrap.fill(line, 100, initial_indent=margin, subsequent_indent=indent, max_lines=4))
    print(f"{problems} to mend, marked with !" if problems else "All is well.")
    return min(problems, 1)


def _lines(check: Callable[[], Iterator[str]]) -> Iterator[str]:
    try:
        yield from check()
    except UserError as error:
        yield Problem(error)
    except Exception as error:  # whatever is broken: the other lines are worth reading
        reason = str(error).strip() or "no reason given"
        yield Problem(f"{type(error).__name__}: {reason.splitlines()[0]}")


def _packages() -> Iterator[str]:
    try:
        version, requirements = metadata.version(DISTRIBUTION), metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        yield Problem('cnnviz-widgets itself is not installed; in a clone: pip install ".[lab]"')
        return
    from packaging.requirements import Requirement

    found = [f"{DISTRIBUTION} {version}"]
    for requirement in map(Requirement, requirements):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield Problem(f'{requirement.name} is not installed; pip install "{requirement}"')
            continue
        found.append(f"{requirement.name} {version}")
        if not requirement.specifier.contains(version, prereleases=True):
            yield Problem(f'{requirement.name} {version} does not fit; pip install "{requirement}"')
    yield ", ".join(found)


def _jupyterlab() -> Iterator[str]:
    try:
        yield metadata.version("jupyterlab")
    except metadata.PackageNotFoundError:
        yield Problem('not installed, and `cnnviz lab` needs it; pip install "cnnviz-widgets[lab]"')


def _device() -> Iterator[str]:
    import torch

    from cnnviz_widgets.runtime.device import device, precision

    chosen = device()
    name = f" ({torch.cuda.get_device_name(chosen)})" if chosen.type == "cuda" else ""
    threads = f"{torch.get_num_threads()} threads on {os.cpu_count()} processors"
    yield f"{chosen}{name}, precision {precision()}, {threads}"


def _threads() -> Iterator[str]:
    from cnnviz_widgets.runtime import threads

    chosen = threads.chosen()
    settings = ", ".join(f"{name}={value}" for name, value in chosen.items()) or f"{threads.POLICY} is not set"
    if chosen.get(threads.POLICY, "").lower() == "passive":
        yield f"{settings}: waiting threads sleep (in a notebook: where cnnviz_widgets is imported before torch)"
    else:
        yield f"{settings}: waiting threads spin, which is slow beside other work; set {threads.POLICY}=PASSIVE"


def _weights() -> Iterator[str]:
    import torch

    yield f"cached in {Path(torch.hub.get_dir()) / 'checkpoints'}"


def _networks() -> Iterator[str]:
    from cnnviz_widgets.networks.zoo import available

    names = available()
    yield f"here without a download: {', '.join(names)}" if names else Problem("none is here without a download")


def _extensions() -> Iterator[str]:
    from jupyter_core.paths import jupyter_path

    found = []
    for name in LABEXTENSIONS:
        folders = (Path(folder, name, "package.json") for folder in jupyter_path("labextensions"))
        if package := next(filter(Path.is_file, folders), None):
            found.append(f"{name} {json.loads(package.read_text('utf-8'))['version']}")
        else:
            yield Problem(f"the part of {name} that runs in the browser is not installed beside Jupyter")
    if found:
        yield ", ".join(found)


def _widgets() -> Iterator[str]:
    from cnnviz_widgets import widgets

    for module in iter_modules(widgets.__path__):  # a widget reads its .js and .css when its module is imported
        import_module(f"{widgets.__name__}.{module.name}")
    files = [path.name for path in sorted(Path(widgets.__path__[0]).iterdir()) if path.suffix in (".js", ".css")]
    yield ", ".join(files) if files else Problem("their .js and .css files are missing; install cnnviz-widgets again")


def _course() -> Iterator[str]:
    folder, _ = pristine_course()
    yield f"{len(list(folder.glob('*.ipynb')))} notebooks in {folder}"


CHECKS: dict[str, Callable[[], Iterator[str]]] = {
    "packages": _packages,
    "JupyterLab": _jupyterlab,
    "device": _device,
    "threads": _threads,
    "weights": _weights,
    "networks": _networks,
    "extensions": _extensions,
    "widgets": _widgets,
    "course": _course,
}
