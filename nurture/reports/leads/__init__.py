"""Leads: how many, from where, at what cost, how good they are, and how fast they go on."""

from nurture.reports.leads.building import build as build
