"""bqplot's lines, words and axes in any color of CSS, such as the ``var(--jp-…)`` of the notebook's theme.

A browser takes them all, but ipywidgets 7, which Colab has, lets only names and numbers of colors through.
"""

import bqplot
from traitlets import List, Unicode


class Lines(bqplot.Lines):
    colors = List(Unicode()).tag(sync=True)


class Label(bqplot.Label):
    colors = List(Unicode()).tag(sync=True)


class Axis(bqplot.Axis):
    color = Unicode().tag(sync=True)
    grid_color = Unicode().tag(sync=True)
    label_color = Unicode().tag(sync=True)
