"""The whole engine under random faults: every event that was answered 2xx must be counted once, and no mail may go twice.

`load` is the crowd that posts and tries again, `sink` the mail server that counts, `scene` the engine with its servers,
`faults_*` what may happen to them, `table` all of it with how often, `drill` plays one after the other and waits until the engine
has recovered by itself, `account` holds the run to account, and `page` writes docs/faults.md.
"""
