"""Fairhaul's agent: the arithmetic between the truck's sensors and what may leave it."""

VERSION = "0.5.0"
RELEASE_DATE = (
    "2026-11-22"  # no fix is older than the software that reads it: the floor for rolled-over dates
)
