"""How long a text message is: 160 septets in the alphabet of GSM 03.38, else 70 UTF-16 units."""

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")
SEPTETS = 160
UNITS = 70


def fits_one_text(text: str) -> bool:
    """Whether this goes out as one segment. Source: 3GPP TS 23.038."""
    if all(char in BASIC or char in EXTENDED for char in text):
        return len(text) + sum(char in EXTENDED for char in text) <= SEPTETS
    return len(text.encode("utf-16-le")) // 2 <= UNITS
