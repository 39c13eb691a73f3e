"""What a UserError looks like in a notebook, and in a script."""

import subprocess
import sys
import traceback

import pytest

from cnnviz_widgets import UserError

NOTEBOOK = """
import sys
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
shell.run_cell("import cnnviz_widgets as cnnviz")
shell.run_cell("def call(): cnnviz.transforms.rotate(float('nan'))")
shell.run_cell("call()")
names = []
trace = sys.last_traceback
while trace:
    names.append(trace.tb_frame.f_code.co_name)
    trace = trace.tb_next
print(names)
"""


def test_one_line_in_a_notebook():
    pytest.importorskip("IPython")
    run = subprocess.run([sys.executable, "-c", NOTEBOOK], capture_output=True, text=True, check=True)
    sentence, frames = run.stdout.splitlines()
    assert sentence == "UserError: degrees must be a number -360…360, not nan."
    assert "'call'" in frames  # %debug finds where it was
    assert not run.stderr


def fail() -> None:
    try:
        raise KeyError("below")
    except KeyError as error:
        raise UserError("size must be 1.") from error


def test_all_of_it_in_a_script():
    with pytest.raises(UserError) as caught:
        fail()
    text = "".join(traceback.format_exception(caught.value))
    assert "KeyError: 'below'" in text
    assert "direct cause" in text
    assert "test_errors.py" in text
