"""Judges whether the answer to one question may be served for another; arithmetic alone, over numpy."""
