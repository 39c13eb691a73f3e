"""The one exception that speaks to the user."""


class UserError(ValueError):
    """Bad input. The message is one sentence: which argument, what came, what is allowed."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in a notebook: the sentence. ``%debug``, ``%tb`` and scripts have the whole traceback."""
        return [f"{type(self).__name__}: {self}"]
