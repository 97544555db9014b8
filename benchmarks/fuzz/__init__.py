"""Bad input for the web process, and an oracle that says for each what must come of it."""
