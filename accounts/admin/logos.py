"""An uploaded logo becomes a small PNG of our own making: nothing of the original file is kept."""

import io
import warnings
from hashlib import sha256

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from PIL import Image, UnidentifiedImageError

LARGEST_FILE = 256 * 1024
LARGEST_SIDE = 256
LARGEST_PIXELS = 16_000_000
FORMATS = ("PNG", "JPEG", "WEBP")


def reencode(content: bytes) -> bytes:
    """A PNG of at most 256 pixels a side. Raises ValidationError but for a PNG, JPEG or WebP of up to 256 kB."""
    if len(content) > LARGEST_FILE:
        raise ValidationError(_("The file is larger than 256 kB. Choose a smaller one."), code="size")
    if b"<svg" in content[:4096].lower():
        raise ValidationError(_("SVG files can carry scripts and are not taken. Export the logo as PNG."), code="svg")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return _small_png(content)
    except (UnidentifiedImageError, Image.DecompressionBombWarning, Image.DecompressionBombError, OSError, ValueError,
            SyntaxError):  # fmt: skip
        raise ValidationError(
            _("This is not a whole PNG, JPEG or WebP picture. Export the logo again."), code="image"
        ) from None


def _small_png(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
        if picture.width * picture.height > LARGEST_PIXELS:
            raise ValueError("too many pixels")
        small = picture.convert("RGBA")
    small.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    written = io.BytesIO()
    small.save(written, "PNG", optimize=True)
    return written.getvalue()


def version_of(png: bytes) -> str:
    """Changes with the picture, so that browsers may keep it for long."""
    return sha256(png).hexdigest()[:16] if png else ""
