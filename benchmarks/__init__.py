"""Measuring programs: the engine beside a naive twin and beside what the machine could do at most."""
