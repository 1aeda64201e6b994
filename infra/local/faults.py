"""The one way in which `make run` fails: a sentence for the person at the terminal."""


class CannotRun(Exception):
    """What is wrong and what to do about it, in one sentence; nothing that was started is left running."""


class Interrupted(Exception):
    """The person, or the machine, asked for the end: not a failure."""
