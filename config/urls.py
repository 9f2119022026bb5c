"""Addresses."""

from captcha.views import captcha_audio, captcha_image
from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

from config import health
from reset.console.site import site

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", site.urls),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    # Of the captcha only the picture and its sound are addresses; fresh keys come with the page.
    re_path(r"^captcha/image/(?P<key>\w+)/$", captcha_image, {"scale": 1}, name="captcha-image"),
    re_path(r"^captcha/audio/(?P<key>\w+)\.wav$", captcha_audio, name="captcha-audio"),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}logo.svg")),
    path("", include("reset.urls")),
]
if settings.EMBEDDED:
    urlpatterns.append(path("dev/outbox/", include("notifications.urls")))

handler400 = "reset.views.errors.bad_request"
handler403 = "reset.views.errors.forbidden"
handler404 = "reset.views.errors.not_found"
handler500 = "reset.views.errors.server_error"
