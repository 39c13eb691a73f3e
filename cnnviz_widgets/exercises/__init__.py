"""What the course's check cells call: each check says what is wrong with an answer, not only that it is."""

from cnnviz_widgets.exercises.activations import check_capture, check_sparsity, check_strongest
from cnnviz_widgets.exercises.feedback import Feedback
from cnnviz_widgets.exercises.filters import check_best_patch, check_parameter_count, check_tiles
from cnnviz_widgets.exercises.occlusion import check_occlusion, check_positions, check_zero
from cnnviz_widgets.exercises.relu import check_by_hand, check_guided_relu, check_same_picture
from cnnviz_widgets.exercises.start import check_top_class, check_weak_spot

__all__ = [
    "Feedback",
    "check_best_patch",
    "check_by_hand",
    "check_capture",
    "check_guided_relu",
    "check_occlusion",
    "check_parameter_count",
    "check_positions",
    "check_same_picture",
    "check_sparsity",
    "check_strongest",
    "check_tiles",
    "check_top_class",
    "check_weak_spot",
    "check_zero",
]
