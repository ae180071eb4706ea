#!/usr/bin/env python3
"""
Writes confusables.json: for each look of a character, the characters that look so (Unicode TR39, without those of which
NFKC says the same). Needs Debian's python3-icu. Run it when Debian has a newer Unicode:

    python3 services/rooms/unicode/generate.py > services/rooms/unicode/confusables.json
"""

import json

import icu

checker = icu.SpoofChecker()
nfd = icu.Normalizer2.getNFDInstance()
nfkc = icu.Normalizer2.getNFKCInstance()
# What no name may have: control, formatting, private and unassigned characters, line and paragraph separators.
refused = {
    getattr(icu.UCharCategory, name)
    for name in (
        "CONTROL_CHAR",
        "FORMAT_CHAR",
        "SURROGATE",
        "PRIVATE_USE_CHAR",
        "UNASSIGNED",
        "LINE_SEPARATOR",
        "PARAGRAPH_SEPARATOR",
    )
}

looks: dict[str, list[str]] = {}
for code in range(0x110000):
    char = chr(code)
    if icu.Char.charType(code) in refused or nfd.normalize(char) != char:
        continue
    look = checker.getSkeleton(0, char)
    if look != char and (nfkc.normalize(char) == char or look != checker.getSkeleton(0, nfkc.normalize(char))):
        looks.setdefault(look, []).append(char)

table = {look: "".join(sorted(chars)) for look, chars in sorted(looks.items())}
print(json.dumps({"unicode": icu.UNICODE_VERSION, "looks": table}, indent=2))
