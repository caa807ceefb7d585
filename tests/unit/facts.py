"""What a sentence says, however it words it."""

import re


def facts(text, *names):
    """The numbers of a text, with "at least" and "at most" where they are bounds, and those of some ``names`` that
    it has, in their order."""
    words = sorted([*names, "at least", "at most"], key=len, reverse=True)
    found = re.findall(rf"(?<![\w.])(?:{'|'.join(map(re.escape, words))}|-?\d[\d,.]*(?<=\d))(?!\w)", text)
    return [
        float(fact.replace(",", "")) if fact[-1].isdigit() and fact not in names else fact for fact in found
    ]
