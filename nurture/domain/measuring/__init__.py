"""What is counted for reports, and how much of it an event or a person adds. Pure."""
