"""Logos are taken apart and made anew; colours are judged by how they read."""

import io
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts.admin import colours, logos
from accounts.models import Branding, Tenant
from tests.administrators import make_administrator, signed_in

ADD = "/admin/accounts/branding/add/"


def picture(kind: str, size: tuple[int, int] = (600, 300), **options: Any) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, "#2f5bd8").save(written, kind, **options)
    return written.getvalue()


@pytest.fixture
def console(acme: Tenant) -> Client:
    return signed_in(make_administrator(acme, "boss@acme.example"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_pictures_become_small_pngs(kind: str) -> None:
    with Image.open(io.BytesIO(logos.reencode(picture(kind)))) as made:
        assert made.format == "PNG"
        assert made.size == (256, 128)


def test_what_a_file_carried_besides_the_picture_is_gone() -> None:
    comment = b"<script>alert(1)</script>"
    assert comment not in logos.reencode(picture("JPEG", comment=comment))
    assert comment not in logos.reencode(picture("PNG") + comment)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b'<?xml version="1.0"?><SVG xmlns="http://www.w3.org/2000/svg"></SVG>', "svg"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * (256 * 1024), "size"),
        (b"no picture at all", "image"),
        (picture("PNG")[:60], "image"),
        (picture("GIF"), "image"),
        (picture("PNG", (5000, 5000)), "image"),
        (b"", "image"),
    ],
)
def test_other_files_are_refused_with_a_reason(content: bytes, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        logos.reencode(content)
    assert refused.value.code == code


def test_an_uploaded_logo_is_stored_as_png_with_a_version(console: Client, acme: Tenant) -> None:
    file = SimpleUploadedFile("logo.jpg", picture("JPEG"), "image/jpeg")
    assert console.post(ADD, {"accent": "#2f5bd8", "upload": file}).status_code == 302
    row = Branding._base_manager.get(tenant=acme)
    assert bytes(row.logo).startswith(b"\x89PNG")
    assert row.logo_version == logos.version_of(bytes(row.logo))
    body = console.get(f"/admin/accounts/branding/{row.pk}/change/").content.decode()
    assert "data:image/png;base64," in body
    assert console.post(f"/admin/accounts/branding/{row.pk}/change/", {"remove": "on"}).status_code == 302
    row.refresh_from_db()
    assert (bytes(row.logo), row.logo_version) == (b"", "")


def test_an_svg_is_refused_at_its_field(console: Client) -> None:
    file = SimpleUploadedFile("logo.svg", b"<svg onload='x()'></svg>", "image/svg+xml")
    errors = console.post(ADD, {"upload": file}).context["adminform"].form.errors
    assert "SVG" in errors["upload"][0]


def test_a_second_branding_is_refused(console: Client, acme: Tenant) -> None:
    console.post(ADD, {"accent": "#2f5bd8"})
    assert console.get(ADD).status_code == 403
    assert console.post(ADD, {"accent": "#2f5bd8"}).status_code == 403
    assert Branding._base_manager.count() == 1


def test_a_pale_accent_is_saved_with_a_warning(console: Client) -> None:
    response = console.post(ADD, {"accent": "#ffee88"}, follow=True)
    assert "hard to read on white" in response.content.decode()
    assert Branding._base_manager.get().accent == "#ffee88"


def test_contrast_is_what_wcag_says() -> None:
    assert colours.ratio("#000000", "#ffffff") == pytest.approx(21)
    assert colours.ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    dark, pale = colours.judge("#2f5bd8"), colours.judge("#ffee88")
    assert (dark.text_on_it, dark.links_read_well) == (colours.WHITE, True)
    assert (pale.text_on_it, pale.links_read_well) == (colours.DARK, False)
