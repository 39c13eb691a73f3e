"""Front-end parts with no torch in them. (The chart, which takes half a second to import, is in ``widgets.chart``.)"""

from cnnviz_widgets.widgets.cell_output import CellOutput
from cnnviz_widgets.widgets.check_table import CheckTable
from cnnviz_widgets.widgets.gallery import Gallery
from cnnviz_widgets.widgets.image_view import ImageView, Pointer
from cnnviz_widgets.widgets.network_strip import NetworkStrip
from cnnviz_widgets.widgets.panel_head import PanelHead
from cnnviz_widgets.widgets.run_bar import RunBar
from cnnviz_widgets.widgets.tags import Tags
from cnnviz_widgets.widgets.tree import close_tree, tree

__all__ = [
    "CellOutput",
    "CheckTable",
    "Gallery",
    "ImageView",
    "NetworkStrip",
    "PanelHead",
    "Pointer",
    "RunBar",
    "Tags",
    "close_tree",
    "tree",
]
