"""Incremental inference: recompute only what an occluder can reach.

Of each layer only the window that the square can reach is computed again (Nakandala, Kumar & Papakonstantinou,
"Incremental and Approximate Inference for Faster Occlusion-based Deep CNN Explanations", SIGMOD 2019); the scores
are those of full passes. In fast precision, less than that: the window in which a change is noticeable.

graph        what a module computes, as steps
convolution  one of the steps, in the quickest of some ways
tiles        the ways that multiply less
windows      what of a map a change can reach, and where it is noticeable
plan         the windows of all steps
maps         windows cut out of maps
passes       the passes
"""

from cnnviz_widgets.engine.incremental.passes import Answers, FullPasses, IncrementalPasses, quickest_passes

__all__ = ["Answers", "FullPasses", "IncrementalPasses", "quickest_passes"]
