"""A picture for an app's camera, as an address an `img` may carry."""

import segno


def picture_of(text: str) -> str:
    """An SVG QR code as a `data:` address."""
    address: str = segno.make(text, error="m").svg_data_uri(scale=5, border=3, dark="#171b26", light="#ffffff")
    return address
