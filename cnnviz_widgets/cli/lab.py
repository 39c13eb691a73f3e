"""``cnnviz lab``: JupyterLab, opened at the first notebook of the course."""

import os
from functools import partial
from pathlib import Path

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.language import language as language_set
from cnnviz_widgets.runtime.threads import let_waiting_threads_sleep

from .course import START, open_course, pristine_course
from .translate import content, known


def lab(
    folder: Path | None = None, *, port: int | None = None, browser: bool = True, language: str | None = None
) -> int:
    """Serve the course until interrupted.

    folder: see :func:`open_course`.   port: the first one to try; None = JupyterLab's own default.
    language: of the copy, and of what the kernels show; None = that of ``CNNVIZ_LANG``, or English.
    """
    try:
        from jupyterlab.labapp import main as jupyterlab
    except ImportError as error:
        raise UserError(
            f'JupyterLab is not installed here ({error}); install it with: pip install "cnnviz-widgets[lab]", '
            'or in a clone: pip install ".[lab]"'
        ) from error

    if language is not None:
        os.environ["CNNVIZ_LANG"] = language  # the kernels inherit it
    spoken = language_set()
    if spoken:
        known(spoken)
    notebooks, kept = open_course(folder, partial(content, language=spoken))
    what = "The course itself" if notebooks == pristine_course()[0] else "Your copy of the course"
    print(f"{what} is in {notebooks}", flush=True)
    if kept:
        print(f"You have changed {', '.join(kept)}: kept as yours. Rename one to get its newer version.", flush=True)

    options = [f"--ServerApp.root_dir={notebooks}", f"--LabApp.default_url=/lab/tree/{START}"]
    options.append("--ServerApp.port_retries=50")
    if port is not None:
        options.append(f"--ServerApp.port={port}")
    if not browser:
        options.append("--no-browser")
    if getattr(os, "geteuid", lambda: 1)() == 0:  # in a container one is root, and JupyterLab would refuse to start
        options.append("--allow-root")
    let_waiting_threads_sleep()  # in the kernels, which inherit it
    jupyterlab(options)
    return 0
