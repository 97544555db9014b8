"""Workers, the database and Redis are killed while mail flows: nobody may be mailed twice, and no mail may be lost.

`points` names the moments, `driver` is a worker process that stops at one of them, `sink` a mail server in a process of its own
that counts what it takes, `scene` puts them together for one run and holds the run to account, `runs` plays each moment and the
storms of random kills, and `table` writes docs/kills.md.
"""
