"""Textures by copying as a panel: every pixel is explained, one of them without being asked."""

import numpy as np

from cnnviz_widgets.drawing.results import rgb
from cnnviz_widgets.panels import TextureGrowth
from cnnviz_widgets.widgets import Pointer


def test_a_pixel_is_explained_when_the_texture_is_whole_and_another_one_where_the_pointer_is(network):
    panel = TextureGrowth(network, sample="brick", size=32, sample_size=48, window=5).run()
    parts, state = panel._parts, panel.kept("growth")
    for x, y in ((8, 8), (20, 27)):
        if (x, y) != (8, 8):
            panel._look_at(Pointer(x=x, y=y, tile=0, row=None, column=None))
            assert panel.wait(60)
        row, column = state.source[:, y, x].tolist()
        assert parts["texture"].image.rectangle == (x - 2, y - 2, 5, 5)
        assert parts["sample"].image.rectangle == (column - 2, row - 2, 5, 5)
        drawn = parts["windows"].image.content.picture[1]
        np.testing.assert_array_equal(drawn[2, 2], rgb(state.values)[y, x])
    panel.close()
