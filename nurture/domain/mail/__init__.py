"""Mail: what may go, by which way and how fast, what becomes of it, and what stops it."""
