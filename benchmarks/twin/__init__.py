"""The naive twin: what a competent engineer builds in a day. Correct and idiomatic; neither slowed down nor tuned.

FastAPI takes an event or a form and publishes one Celery task for it; the task writes ORM rows into PostgreSQL. Each mail is one task
with one SMTP connection; that which answers a form is published by the form's.
"""
