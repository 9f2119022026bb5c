"""The captcha for people who can't see it: spoken where the machine has a speech program, not offered elsewhere."""

import gc
import os
from typing import Any

import pytest
from django.test import Client

FLITE = "/usr/bin/flite"
# django-simple-captcha leaves the file of a spoken captcha to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def test_no_sound_is_offered_without_a_speech_program(client: Client, db: Any, settings: Any) -> None:
    settings.CAPTCHA_FLITE_PATH = "/nowhere/flite"
    assert b"Listen" not in client.get("/reset/").content


@pytest.mark.skipif(not os.path.exists(FLITE), reason="needs Debian's flite")
def test_the_letters_are_spoken(client: Client, db: Any, settings: Any) -> None:
    settings.CAPTCHA_FLITE_PATH = FLITE
    page = client.get("/reset/")
    sound = client.get(page.context["picture"].audio_url)
    assert sound.status_code == 200
    assert b"".join(sound.streaming_content)[:4] == b"RIFF"  # type: ignore[attr-defined]
    sound.close()
    del sound
    gc.collect()


def test_an_unknown_key_has_no_picture(client: Client, db: Any) -> None:
    assert client.get("/captcha/image/0000000000000000/").status_code == 410
