"""How panels have as little to do as may be, for tests of all of them: few steps, small pictures."""

from cnnviz_widgets import panels

OF_ALL = {"steps": 5, "epochs": 1, "generations": 5, "pictures": 4, "trials": 1}
OF_ONE = {
    "FastStyle": {"size": 64, "style_size": 64},
    "LiveStyle": {"size": 96},
    "Normalization": {"size": 64, "style_size": 64},
    "StyleTransfer": {"size": 64},
    "TextureGrowth": {"size": 32},
    "Training": {"each": 40},
    "TrustQuiz": {"comparisons": 1},
}


def least(name: str) -> dict[str, int]:
    """Settings of a panel."""
    own = getattr(panels, name)._own_traits()
    return {trait: value for trait, value in OF_ALL.items() if trait in own} | OF_ONE.get(name, {})
