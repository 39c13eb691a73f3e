"""What the course's check cells call: each check says what is wrong with an answer, not only that it is."""

from cnnviz_widgets.exercises.activations import check_capture, check_sparsity, check_strongest
from cnnviz_widgets.exercises.adversarial import (
    ask_8_bits,
    ask_flipped,
    ask_jpeg,
    ask_noise,
    ask_price,
    ask_transfer,
    check_contest,
    check_fgsm,
    check_projection,
    check_toy_score,
    contest_photos,
)
from cnnviz_widgets.exercises.ascent import ask_dumbbell, ask_head, ask_sure, check_ascent, check_total_variation
from cnnviz_widgets.exercises.cam import ask_why_equal, check_grad_cam, check_map_size
from cnnviz_widgets.exercises.convolution import (
    ask_checkerboard,
    check_conv2d,
    check_matrix,
    check_output_size,
    check_receptive_field,
)
from cnnviz_widgets.exercises.dream import ask_gradient, check_dream_step, check_octaves
from cnnviz_widgets.exercises.embeddings import (
    ask_between,
    ask_distances,
    check_nearest,
    check_same_color,
    check_trustworthiness,
)
from cnnviz_widgets.exercises.fast_style import ask_blur, ask_contrast, check_instance_norm, check_quality
from cnnviz_widgets.exercises.feedback import Feedback
from cnnviz_widgets.exercises.filters import (
    check_best_patch,
    check_epochs,
    check_expanded_weights,
    check_parameter_count,
    check_tiles,
    shuffled_epochs,
)
from cnnviz_widgets.exercises.generation import ask_learned, check_azimuth, check_mix, check_psnr, check_sum, mystery
from cnnviz_widgets.exercises.inversion import ask_forgotten, ask_prior, check_inversion_loss
from cnnviz_widgets.exercises.occlusion import ask_two_maps, ask_zero, check_occlusion, check_positions
from cnnviz_widgets.exercises.parts import check_template
from cnnviz_widgets.exercises.question import Question
from cnnviz_widgets.exercises.relu import ask_edges, ask_same_picture, check_by_hand, check_guided_relu
from cnnviz_widgets.exercises.saliency import (
    ask_black,
    ask_which_map,
    check_by_formula,
    check_integrated_gradients,
    check_saliency,
)
from cnnviz_widgets.exercises.start import check_top_class, check_weak_spot
from cnnviz_widgets.exercises.style import (
    ask_brush,
    ask_keep_colors,
    check_masked_gram,
    check_mystery,
    check_style_loss,
    painted_by_somebody,
)
from cnnviz_widgets.exercises.texture import ask_shuffle, check_gram, check_texture_numbers, check_window
from cnnviz_widgets.exercises.trust import (
    ask_honest_report,
    ask_which_is_right,
    ask_which_robot,
    check_deletion,
    check_wilson,
)
from cnnviz_widgets.exercises.tuning import check_preferred_angle
from cnnviz_widgets.exercises.units import (
    ask_dictionary,
    ask_name,
    check_blocked,
    check_dictionary,
    check_evidence,
    check_suppression,
)

__all__ = [
    "Feedback",
    "Question",
    "ask_8_bits",
    "ask_between",
    "ask_black",
    "ask_blur",
    "ask_brush",
    "ask_checkerboard",
    "ask_contrast",
    "ask_dictionary",
    "ask_distances",
    "ask_dumbbell",
    "ask_edges",
    "ask_flipped",
    "ask_forgotten",
    "ask_gradient",
    "ask_head",
    "ask_honest_report",
    "ask_jpeg",
    "ask_keep_colors",
    "ask_learned",
    "ask_name",
    "ask_noise",
    "ask_price",
    "ask_prior",
    "ask_same_picture",
    "ask_shuffle",
    "ask_sure",
    "ask_transfer",
    "ask_two_maps",
    "ask_which_is_right",
    "ask_which_map",
    "ask_which_robot",
    "ask_why_equal",
    "ask_zero",
    "check_ascent",
    "check_azimuth",
    "check_best_patch",
    "check_blocked",
    "check_by_formula",
    "check_by_hand",
    "check_capture",
    "check_contest",
    "check_conv2d",
    "check_deletion",
    "check_dictionary",
    "check_dream_step",
    "check_epochs",
    "check_evidence",
    "check_expanded_weights",
    "check_fgsm",
    "check_grad_cam",
    "check_gram",
    "check_guided_relu",
    "check_instance_norm",
    "check_integrated_gradients",
    "check_inversion_loss",
    "check_map_size",
    "check_masked_gram",
    "check_matrix",
    "check_mix",
    "check_mystery",
    "check_nearest",
    "check_occlusion",
    "check_octaves",
    "check_output_size",
    "check_parameter_count",
    "check_positions",
    "check_preferred_angle",
    "check_projection",
    "check_psnr",
    "check_quality",
    "check_receptive_field",
    "check_saliency",
    "check_same_color",
    "check_sparsity",
    "check_strongest",
    "check_style_loss",
    "check_sum",
    "check_suppression",
    "check_template",
    "check_texture_numbers",
    "check_tiles",
    "check_top_class",
    "check_total_variation",
    "check_toy_score",
    "check_trustworthiness",
    "check_weak_spot",
    "check_wilson",
    "check_window",
    "contest_photos",
    "mystery",
    "painted_by_somebody",
    "shuffled_epochs",
]
