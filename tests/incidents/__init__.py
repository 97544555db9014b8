"""What went wrong with other systems, end to end: over HTTP, through the stream, into both databases."""
