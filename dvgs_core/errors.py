"""The one exception for input that is at fault."""


class InputError(ValueError):
    """What a person gave cannot be used.

    `str(error)` is one line for that person: what was expected, what came, what to do. Pages show
    it as it is; the command line prints it and ends with exit code 2. Anything else that escapes
    is a fault of ours.
    """
