def is_printable(text: str, length: range) -> bool:
    """Whether people can read all of it: so many printable characters, and no space at its ends."""
    return len(text) in length and text.isprintable() and text == text.strip()
