"""The errors this package raises: a message, a hint, and whether trying again can help."""


class ClassifierError(Exception):
    """Anything that goes wrong in this package.

    Args:
        message: What happened, with the actual values (never a post's text).
        hint: What to do next.
        retryable: Whether the same call may succeed later without any change.
    """

    def __init__(self, message: str, *, hint: str = "", retryable: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.retryable = retryable


class UnknownHeadError(ClassifierError):
    """A head was named that no module in ``classifiers/heads`` defines."""


class BadTargetError(ClassifierError):
    """A head that takes a target was given none, or an empty one."""


class BadExampleError(ClassifierError):
    """A labelled example does not fit the head it names."""


class ModelFilesError(ClassifierError):
    """A version's files are missing, damaged or do not belong together."""


class EngineError(ClassifierError):
    """The fast runtime cannot load a model."""


class UnknownVersionError(ClassifierError):
    """No version of that id is on disk."""


class PromotionError(ClassifierError):
    """A version cannot become (or stop being) the champion of a topic."""


class TrainingError(ClassifierError):
    """Training cannot start or was stopped."""


class TrainingStoppedError(TrainingError):
    """Training ended early because its caller asked for it."""

    def __init__(self) -> None:
        super().__init__(
            "training was stopped before it was complete",
            hint="nothing was written; start it again",
            retryable=True,
        )
