"""Rows of files that become events: the mapping language, and what a row means in it."""
