"""The ASGI application: accepts events and never computes."""
