"""The words of a part of a mail in blocks of whole lines: between any two of them stands one line break.

What all readers of a mail have is in blocks of its own, and those are the same strings in each mail. So whoever keeps what they
found out about a block, such as how it is encoded, finds it again for the next reader at next to no cost.
"""

Blocks = tuple[str, ...]


def whole(blocks: Blocks) -> str:
    """The words in one piece."""
    return "\n".join(blocks)
