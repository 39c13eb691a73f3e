"""Color maps and colors, the same in the browser and in files."""

from functools import cache

import numpy as np

from cnnviz_widgets.errors import UserError

# Colors that are told apart also by who cannot tell red from green (Okabe & Ito 2008); gray for all other kinds.
OKABE_ITO = ("0072B2", "D55E00", "009E73", "CC79A7", "E69F00", "56B4E9", "F0E442", "999999")
KINDS = len(OKABE_ITO)
# Our name -> its full name in the cmap catalog. Both diverging ones show high values in red and low ones in blue; the
# last one is not ordered by lightness: it shows steps where there are none, and nothing in gray.
COLORMAPS = {
    "gray": "matlab:gray",
    "viridis": "bids:viridis",
    "inferno": "bids:inferno",
    "magma": "bids:magma",
    "RdBu": "colorbrewer:RdBu_r",
    "coolwarm": "matplotlib:coolwarm",
    "turbo": "google:turbo",
}
DIVERGING = ("coolwarm", "RdBu")


@cache
def table(colormap: str) -> np.ndarray:
    """The colors of a color map from low to high, (256, 3) uint8; "levels" is for kinds, which have no order."""
    from cmap import Colormap

    if colormap == "levels":
        kinds = np.array([list(bytes.fromhex(one)) for one in OKABE_ITO], np.uint8)
        return kinds[np.arange(256) * KINDS // 256]
    if colormap not in COLORMAPS:
        raise UserError(f"colormap must be one of {', '.join(COLORMAPS)}, not {colormap!r}.")
    colors = np.rint(Colormap(COLORMAPS[colormap]).lut(256)[:, :3] * 255).astype(np.uint8)
    colors.flags.writeable = False
    return colors
