"""What a browser makes of the numbers that an ImageView sends, in numpy."""

import numpy as np


def maps_of(sent: dict) -> np.ndarray:
    """(N, h, w) float32, or codes in uint8: every block of equal values as its pixels."""
    height, width = sent["size"]
    rows, columns = sent.get("rows", range(height)), sent.get("columns", range(width))
    maps = np.frombuffer(sent["data"], sent["type"]).reshape(-1, len(rows), len(columns))
    return maps.repeat(np.diff([*rows, height]), axis=1).repeat(np.diff([*columns, width]), axis=2)
