"""Made-up businesses that are well but for one planted cause: what `nurture report diagnose` must find first."""
