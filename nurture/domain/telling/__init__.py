"""What other systems are told: on which occasion, of whom, why, and what to do next."""
