"""What the course's check cells call: each check says what is wrong with an answer, not only that it is."""

from cnnviz_widgets.exercises.activations import check_capture, check_sparsity, check_strongest
from cnnviz_widgets.exercises.ascent import check_ascent, check_dumbbell, check_head, check_total_variation
from cnnviz_widgets.exercises.cam import (
    check_grad_cam,
    check_map_size,
    check_which_is_right,
    check_why_equal,
)
from cnnviz_widgets.exercises.dream import check_dream_step, check_gradient, check_octaves
from cnnviz_widgets.exercises.feedback import Feedback
from cnnviz_widgets.exercises.filters import check_best_patch, check_parameter_count, check_tiles
from cnnviz_widgets.exercises.inversion import check_forgotten, check_inversion_loss, check_prior
from cnnviz_widgets.exercises.occlusion import check_occlusion, check_positions, check_two_maps, check_zero
from cnnviz_widgets.exercises.relu import check_by_hand, check_edges, check_guided_relu, check_same_picture
from cnnviz_widgets.exercises.saliency import (
    check_black,
    check_by_formula,
    check_integrated_gradients,
    check_saliency,
)
from cnnviz_widgets.exercises.start import check_top_class, check_weak_spot

__all__ = [
    "Feedback",
    "check_ascent",
    "check_best_patch",
    "check_black",
    "check_by_formula",
    "check_by_hand",
    "check_capture",
    "check_dream_step",
    "check_dumbbell",
    "check_edges",
    "check_forgotten",
    "check_grad_cam",
    "check_gradient",
    "check_guided_relu",
    "check_head",
    "check_integrated_gradients",
    "check_inversion_loss",
    "check_map_size",
    "check_occlusion",
    "check_octaves",
    "check_parameter_count",
    "check_positions",
    "check_prior",
    "check_saliency",
    "check_same_picture",
    "check_sparsity",
    "check_strongest",
    "check_tiles",
    "check_top_class",
    "check_total_variation",
    "check_two_maps",
    "check_weak_spot",
    "check_which_is_right",
    "check_why_equal",
    "check_zero",
]
