"""Other people's cancellers: one adapter per file. Plain Cancellers: their state is hidden in a library or program."""
