"""What an agreement means, in plain words: the notice card for crews and the inputs of an impact assessment.

An agreement becomes facts (`card`, `dpia`), which know no language; a language (`english`, `spanish`) says them; a page
(`text`, `plain`) shows them. So both languages say the same, and nothing is said that no fact stands behind.

It explains the file. Whether a truck enforces that file, `fairhaul status` and every payload say by its id.
"""

from __future__ import annotations

from agent.explain.card import card
from agent.explain.dpia import dpia
from agent.explain.english import ENGLISH
from agent.explain.fact import Page
from agent.explain.language import Language
from agent.explain.plain import plain
from agent.explain.spanish import SPANISH
from agent.explain.text import card_text, markdown

LANGUAGES = {language.code: language for language in (ENGLISH, SPANISH)}

__all__ = ["LANGUAGES", "Language", "Page", "card", "card_text", "dpia", "markdown", "plain"]
