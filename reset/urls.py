"""Addresses of end users' pages; each wizard page also under a tenant's own /t/<short name>/."""

from django.urls import include, path, re_path

from reset.views import calls, home, wizard
from reset.views import help as help_pages

WIZARD = (
    ("", home.home, "home"),
    ("reset/", wizard.identify, "reset-identify"),
    ("reset/verify/", wizard.verify, "reset-verify"),
    ("reset/verify/waiting/", wizard.waiting, "reset-waiting"),
    ("reset/password/", wizard.password, "reset-password"),
    ("reset/status/", wizard.status, "reset-status"),
    ("reset/cancel/", wizard.cancel, "reset-cancel"),
    ("reset/contact/", help_pages.contact, "reset-contact"),
)

urlpatterns = [
    *(path(route, view, name=name) for route, view, name in WIZARD),
    *(path(f"t/<slug:slug>/{route}", view, name=f"tenant-{name}") for route, view, name in WIZARD),
    re_path(r"^t/(?P<slug>[-\w]+)/accent-(?P<accent>[0-9a-fA-F]{6})\.css$", home.brand_style, name="brand-style"),
    re_path(r"^t/(?P<slug>[-\w]+)/logo-(?P<version>[0-9a-f]{1,16})\.png$", home.brand_logo, name="brand-logo"),
    path("calls/<uuid:challenge_id>/", calls.answered, name="call-answer"),
    path("not-me/", help_pages.alarm, name="alarm"),
    path("not-me/<str:token>/", help_pages.alarm_link, name="alarm-link"),
    path("", include("reset.urls_signin")),
]
