"""Whether a notebook is run by a grader: then nobody looks at it, and a wrong answer must be an error."""

import os


def grading() -> bool:
    """True under ``CNNVIZ_GRADE=1``, and under nbgrader's own autograder, which says so itself."""
    return os.environ.get("CNNVIZ_GRADE", "0") not in ("", "0") or os.environ.get("NBGRADER_EXECUTION") == "autograde"
