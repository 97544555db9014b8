"""One door for each outside thing: database, stream, mail server, templates, clock."""
