"""Make what a convolutional network has learned visible under one's fingers.

The public names stand in ``__init__.pyi``. Each is imported when it is first used, so that ``import cnnviz_widgets``
stays quick and needs no Jupyter.
"""

import lazy_loader

from cnnviz_widgets.runtime import threads

__version__ = "0.1.0"

if not threads.torch_is_loaded():
    threads.let_waiting_threads_sleep()

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
