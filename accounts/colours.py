"""A tenant's accent colour on light and dark ground, with text on it that can be read (WCAG 2.2, contrast 4.5 : 1)."""

LIGHT_GROUND, DARK_GROUND = (255, 255, 255), (23, 27, 38)
DARK_TEXT, LIGHT_TEXT = (14, 22, 48), (255, 255, 255)
READABLE = 4.5
STEPS = 20

Colour = tuple[int, int, int]


def parse(colour: str) -> Colour:
    """`#2f5bd8` as three numbers."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def luminance(colour: Colour) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2)."""
    parts = [value / 255 for value in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: Colour, second: Colour) -> float:
    """Contrast ratio, 1 to 21 (WCAG 2.2)."""
    brighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def mix(colour: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return red, green, blue


def readable_on(ground: Colour, colour: Colour) -> Colour:
    """The colour itself, or as little darker or lighter as makes it readable on this ground."""
    towards: Colour = (0, 0, 0) if luminance(ground) > 0.5 else (255, 255, 255)
    for step in range(STEPS + 1):
        candidate = mix(colour, towards, step / STEPS)
        if contrast(candidate, ground) >= READABLE:
            return candidate
    return towards


def text_on(colour: Colour) -> Colour:
    """Dark or light text, whichever is read better on this colour."""
    return max((DARK_TEXT, LIGHT_TEXT), key=lambda text: contrast(colour, text))


def _css(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _variables(ground: Colour, accent: Colour) -> str:
    shown = readable_on(ground, accent)
    strong = mix(shown, (0, 0, 0) if luminance(ground) > 0.5 else (255, 255, 255), 0.2)
    values = {
        "--accent": shown,
        "--accent-strong": strong,
        "--on-accent": text_on(shown),
        "--accent-soft": mix(ground, shown, 0.12),
    }
    return " ".join(f"{name}: {_css(value)};" for name, value in values.items())


def style_for(colour: str) -> str:
    """A style sheet that sets the accent on light and on dark ground. `colour` is checked to be #rrggbb before."""
    accent = parse(colour)
    return (
        f":root {{ {_variables(LIGHT_GROUND, accent)} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {_variables(DARK_GROUND, accent)} }} }}\n"
    )
