"""`make deploy` and `make destroy`: one list of steps, each of which looks first, and changes only what differs."""
