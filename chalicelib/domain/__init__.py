"""Values and rules: no clock, no environment, no input or output."""
