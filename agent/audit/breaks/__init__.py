"""Attacks that look for where on its way a truck took its break.

Each signal alone (SIGNALS), all of them combined by models trained on other routes, and how long breaks were. The
attackers have this project's code and the agreement's text; they do not have the truth of the route they attack.
"""

from __future__ import annotations

from agent.audit.breaks.combined import COMBINED
from agent.audit.breaks.day import Day, days_of, days_of_route
from agent.audit.breaks.judging import Found, Results, attacked
from agent.audit.breaks.signals import SIGNALS

__all__ = [
    "COMBINED",
    "SIGNALS",
    "Day",
    "Found",
    "Results",
    "attacked",
    "days_of",
    "days_of_route",
]
