"""Text taken from files of others, made safe to show."""

import unicodedata

__all__ = ["printable"]


def _shown(character: str) -> str:
    if character in "\n\t" or character.isprintable():
        return character
    return " " if unicodedata.category(character) == "Zs" else "?"


def printable(text: str, *, longest: int | None = None) -> str:
    r"""Return text without control, formatting and surrogate characters, so that a terminal shows it and obeys nothing.

    Each such character becomes a question mark; line breaks and tabs stay.

    Parameters
    ----------
    text
        Any text.
    longest
        Characters to keep; the rest is cut off and marked by three dots. None keeps all.

    Examples
    --------
    >>> printable("dots\x1b[31m in\r\nhexane")
    'dots?[31m in\nhexane'
    >>> printable("cadmium selenide", longest=7)
    'cadm...'
    """
    if longest is not None and len(text) > longest:
        text = text[: max(longest - 3, 0)] + "..."
    text = text.replace("\r\n", "\n")
    if text.isprintable():
        return text
    return "".join(map(_shown, text))
