"""The life of a turn: `turn` tells the story, each other module is one stage of it."""
