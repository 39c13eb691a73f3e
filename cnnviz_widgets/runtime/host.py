"""Where a notebook runs, as far as it makes a difference."""

import os
import sys


def in_colab() -> bool:
    """Whether it is Google Colab, which imports its own module into every kernel."""
    return "google.colab" in sys.modules


def synchronous() -> bool:
    """Whether panels compute in the kernel's own thread, before a cell or a callback ends.

    With ``CNNVIZ_SYNC=1``, and in Colab, whose front end is told nothing between two cells. Stop has no effect there:
    the kernel hears of it when the work is done; its own interrupt ends it.
    """
    return os.environ.get("CNNVIZ_SYNC", "0") not in ("", "0") or in_colab()


def grading() -> bool:
    """Whether a grader runs the notebook: nobody looks at it, and a wrong answer must be an error.

    With ``CNNVIZ_GRADE=1``, and under nbgrader's own autograder, which says so itself.
    """
    return os.environ.get("CNNVIZ_GRADE", "0") not in ("", "0") or os.environ.get("NBGRADER_EXECUTION") == "autograde"
