"""Pictures in, pictures out: load one from anything, the samples that are always there, class names, drawing."""

from cnnviz_widgets.pictures.dataset import Dataset, load_dataset
from cnnviz_widgets.pictures.labels import Labels, labels
from cnnviz_widgets.pictures.load import load_image
from cnnviz_widgets.pictures.objects import Objects, RenderedObject, objects, render_object
from cnnviz_widgets.pictures.painted import as_text, painted
from cnnviz_widgets.pictures.picture import Picture, source_of
from cnnviz_widgets.pictures.samples import Samples, samples
from cnnviz_widgets.pictures.scenes import Scenes, scenes

__all__ = [
    "Dataset",
    "Labels",
    "Objects",
    "Picture",
    "RenderedObject",
    "Samples",
    "Scenes",
    "as_text",
    "labels",
    "load_dataset",
    "load_image",
    "objects",
    "painted",
    "render_object",
    "samples",
    "scenes",
    "source_of",
]
