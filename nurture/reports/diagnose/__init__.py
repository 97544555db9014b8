"""`report diagnose`: rules that cross the figures of both halves, and say what to change."""

from nurture.reports.diagnose.building import build

__all__ = ["build"]
