"""The same product in another Region."""
