"""Which target is asked, how often, and what it costs: the model's side of a turn."""
