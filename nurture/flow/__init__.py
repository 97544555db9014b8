"""The verbs: load, decide, store. None imports another."""
