"""Sequences: how many people walk them, what becomes of their mail, and what it brings."""

from nurture.reports.sequences.building import build as build
