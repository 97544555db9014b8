"""What Flower must know to read along; how to start it stands in docs/watching.md. It needs nothing of nurture itself."""

import os

broker_url = os.environ["NURTURE_REDIS_URL"]
broker_transport_options = {"global_keyprefix": "nurture:celery:"}
accept_content = ["json"]
task_create_missing_queues = False
