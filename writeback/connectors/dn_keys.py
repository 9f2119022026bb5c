"""Distinguished names as keys of one length, the same for all ways to write one (RFC 4514). No Django, no LDAP here."""

import re
from hashlib import blake2b

# What may stand between two parts of a name in more than one way: then the parts are read one by one.
TRICKY = re.compile(r"[\\\"#;]|[,=+]\s|\s[,=+]|\s\s|^\s|\s\Z")
ESCAPED = re.compile(r"((?:\\[0-9a-fA-F]{2})+)|\\(.)", re.DOTALL)
SEPARATORS = re.compile(r"((?:[^\\,;+=\"]|\\.|\"(?:[^\"\\]|\\.)*\")*)([,;+=]|\Z)", re.DOTALL)


def dn_key(dn: str) -> str:
    """32 hex digits. Upper and lower case, spaces around separators and ways of escaping don't count."""
    plain = dn.casefold() if TRICKY.search(dn) is None else _plain(dn)
    return blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _plain(dn: str) -> str:
    """The name in one form; text that is no name stays as it is, in lower case."""
    parts: list[str] = []
    place = 0
    while place <= len(dn):
        found = SEPARATORS.match(dn, place)
        if found is None:
            return dn.casefold()
        parts += [_value(found[1]), "," if found[2] == ";" else found[2]]
        if not found[2]:
            break
        place = found.end()
    return "".join(parts).casefold()


def _value(text: str) -> str:
    text = text.strip(" ") if not text.endswith("\\ ") else text.lstrip(" ")
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    opened = ESCAPED.sub(_opened, text)
    # Spaces within a value count once (RFC 4518); what would separate is escaped in one way.
    return re.sub(r"([\\,+\"])", r"\\\1", " ".join(opened.split()) if "  " in opened else opened)


def _opened(found: "re.Match[str]") -> str:
    if found[2]:
        return found[2]
    return bytes.fromhex(found[1].replace("\\", "")).decode("utf-8", "replace")
