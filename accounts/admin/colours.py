"""How well a colour reads. Source: WCAG 2.2, relative luminance and contrast ratio."""

from dataclasses import dataclass

WHITE, DARK = "#ffffff", "#0e1630"
READABLE = 4.5


@dataclass(frozen=True)
class Contrast:
    """What becomes of an accent: the colour of text on it, and both ratios (1 to 21)."""

    text_on_it: str
    of_text_on_it: float
    of_links_on_white: float

    @property
    def links_read_well(self) -> bool:
        return self.of_links_on_white >= READABLE


def judge(accent: str) -> Contrast:
    """`accent` as #rrggbb."""
    on_white, on_dark = ratio(accent, WHITE), ratio(accent, DARK)
    text, best = (WHITE, on_white) if on_white >= on_dark else (DARK, on_dark)
    return Contrast(text, best, on_white)


def ratio(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[start : start + 2], 16) / 255) for start in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
