"""The address of the development outbox, under /dev/outbox/."""

from django.urls import path

from notifications import views

urlpatterns = [
    path("", views.outbox, name="development-outbox"),
    path("<int:message_id>/keys/", views.press_keys, name="development-phone"),
]
