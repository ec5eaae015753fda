"""Every error that Vultus raises on purpose.

VultusError                 code, message, hint
├── InputError              you gave something that cannot be used, and can mend it
├── RefusedError            a rule said no (law, licence, case, policy); carries the rule
├── IntegrityError          stored bytes do not verify: stop, keep everything, look
└── UnavailableError        something is missing or busy for now: try later

`code` is stable, lower case and dotted ("photo.truncated"); scripts may rely on it.
`message` says what happened, `hint` what to do next. HTTP status and exit code are
given to these classes in one table each at the edge (`web/problem.py`, `cli/main.py`).
Mistakes of the programmer are TypeError and ValueError and are not caught.
"""


class VultusError(Exception):
    """The root; never raised itself.

    `message` is one sentence for a person; it holds no path, name or value of a photo's
    content unless the same person gave it in the same call.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type["VultusError"], tuple[str, str, str]]:
        """Errors cross process borders (photo workers): keep all three parts."""
        return (type(self), (self.code, self.message, self.hint))


class InputError(VultusError):
    """What was given cannot be used; the caller can mend it."""


class RefusedError(VultusError):
    """A rule said no. `code` names the rule."""


class IntegrityError(VultusError):
    """Stored bytes do not verify."""


class UnavailableError(VultusError):
    """Something needed is missing or busy for now."""
