"""What this machine could do at most, if nothing had to be decided."""
