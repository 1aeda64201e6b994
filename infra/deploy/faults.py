"""The one way in which a deployment ends early."""


class CannotDeploy(Exception):
    """What is in the way and what to do about it: one sentence, or one a line."""
