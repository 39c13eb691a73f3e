"""Front-end parts with no torch in them."""

from cnnviz_widgets.widgets.bars import TopBars
from cnnviz_widgets.widgets.image_view import ImageView, Pointer
from cnnviz_widgets.widgets.run_bar import RunBar
from cnnviz_widgets.widgets.tree import close_tree, tree

__all__ = ["ImageView", "Pointer", "RunBar", "TopBars", "close_tree", "tree"]
