"""Several networks that know the same classes."""

from collections.abc import Sequence

from cnnviz_widgets.errors import UserError
from cnnviz_widgets.networks import Network


def of_one_task(networks: Sequence[Network], *taken: str) -> list[str]:
    """Their names. UserError unless their classes are the same, and their names all others, also than those taken."""
    first, names = networks[0], [one.name for one in networks]
    for one in networks[1:]:
        if list(one.classes) != list(first.classes):
            raise UserError(f"networks must all have the same classes: those of {one.name} and {first.name} differ.")
    if len({*names, *taken}) < len(names) + len(taken):
        raise UserError(f"networks must have different names, not {', '.join(names)}.")
    return names
