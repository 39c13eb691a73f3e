"""One live panel per technique, and the lab that shows them together.

The public names stand in ``__init__.pyi``, which ``tools/sync`` writes. Each is imported when it is first used.
"""

import lazy_loader

from cnnviz_widgets import renamed

_public, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__getattr__ = renamed.module_getattr({"FeatureVisualisation": "FeatureVisualization"}, _public)
