"""Celery: the application, its tasks in flow order, and the beat schedule."""
