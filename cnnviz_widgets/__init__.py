"""Interactive widgets for exploring what convolutional networks have learned.

The public names stand in ``names.py``. Each is imported when it is first used, so that ``import cnnviz_widgets`` stays
quick and needs no Jupyter.
"""

import lazy_loader

from cnnviz_widgets import renamed
from cnnviz_widgets.names import MODULES, SUBMODULES
from cnnviz_widgets.runtime import threads

__version__ = "0.1.0"

if not threads.torch_is_loaded():
    threads.let_waiting_threads_sleep()

_public, __dir__, __all__ = lazy_loader.attach(__name__, SUBMODULES, MODULES)


def _get(name: str) -> object:
    if name != "smooth_gradient":
        return _public(name)
    from cnnviz_widgets.methods.gradients.smoothgrad import smooth_gradient

    return smooth_gradient


__getattr__ = renamed.module_getattr(
    {
        "OptimisationState": "OptimizationState",
        "gradient_times_input": "input_x_gradient",
        "optimise": "optimize",
        "optimisers": "optimizers",
        "parametrisations": "parametrizations",
        "visualise": "visualize",
    },
    _get,
)
