"""All processes of an installation on one machine: started, watched, started again when they die, stopped in order."""
