"""The lead nurturing engine: events in, scores and stages kept, e-mail sequences out."""

__version__ = "0.1.0"
