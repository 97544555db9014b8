"""What Flower must know to read along; see docs/watching.md. Flower needs nothing of nurture itself.

    NURTURE_REDIS_URL=redis://… celery --config celeryconfig flower --address=127.0.0.1
"""

import os

broker_url = os.environ["NURTURE_REDIS_URL"]
broker_transport_options = {"global_keyprefix": "nurture:celery:"}
accept_content = ["json"]
task_create_missing_queues = False
