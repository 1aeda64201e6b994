"""The way to open connections."""
