"""Where a turn's figures go."""
