"""The one exception that speaks to the user."""


class UserError(ValueError):
    """Bad input. The message is one sentence: which argument, what came, what is allowed."""
