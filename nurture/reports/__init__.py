"""Questions about the whole: funnel, status, a person's story."""
