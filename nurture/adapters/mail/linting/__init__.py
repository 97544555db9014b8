"""The linter of mails: what Gmail, Yahoo, the CNIL and the RFCs look at, as findings with an id, a level and what to do."""
