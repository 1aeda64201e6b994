"""What may be logged of what was said, where an operator wants any of it: its beginning, without what is secret.

By form alone: names, addresses and secrets in plain words stay. Rather too much goes than too little.
"""

from __future__ import annotations

import re
from typing import Final

MOST_CHARACTERS: Final = 2_000
_READ: Final = 2 * MOST_CHARACTERS
_FRAGMENT: Final = 128  # at the end of what is read: whatever begins there may be cut, and not known for what it is
_FORMS: Final = (
    ("key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
    ("key", r"\b(?:tg_(?:live|test)|sk|pk|rk|ghp|gho|ghs|github_pat|glpat|xox[abprs]|whsec)[_-][A-Za-z0-9_-]*"),
    ("key", r"\b(?:AKIA|ASIA|AIza)[A-Za-z0-9_-]{8,}"),
    ("key", r"\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"),
    ("secret", r"\b(?:password|passwd|passphrase|secret|token|api[ _-]?key|pin)\b[\"']?\s*(?:is|[:=])\s*\S+"),
    ("url", r"\b[a-z][a-z0-9+.-]{0,20}://[^\s/@]{1,200}@\S+"),
    ("email", r"[^\s@<>()\"',;:]{1,64}@[^\s@<>()\"',;:]+\.[A-Za-z]{2,}"),
    ("iban", r"\b[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{4}){3,7}(?:[ -]?[A-Z0-9]{1,3})?\b"),
    ("key", r"\b(?=[A-Za-z0-9+/_=.-]{0,64}[0-9])[A-Za-z0-9+/_=.-]{24,}"),
    ("key", r"[A-Za-z0-9_]{32,}"),
    ("number", r"(?<!\w)\+?\(?[0-9](?:[ ().\-\u00a0/]{0,2}[0-9]){6,}"),
)
_FOUND: Final = re.compile("|".join(f"({form})" for _, form in _FORMS), re.DOTALL | re.IGNORECASE)
_KINDS: Final = tuple(kind for kind, _ in _FORMS)


def redacted(text: str) -> str:
    """The beginning of a text; in the place of keys, secrets, emails and long numbers the word for what was there."""
    end, at, plain = len(text) if len(text) <= _READ else _READ - _FRAGMENT, 0, ""
    for found in _FOUND.finditer(text[:_READ]):
        if found.start() >= end:
            break
        plain += f"{text[at : found.start()]}[{_KINDS[(found.lastindex or 1) - 1]}]"
        at = found.end()
    plain += text[at:end]
    return plain if len(plain) <= MOST_CHARACTERS else f"{plain[:MOST_CHARACTERS]}…"
