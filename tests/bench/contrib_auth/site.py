"""Django's own reset by link, as its documentation wires it."""

from django.contrib import admin
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

application = get_wsgi_application()

urlpatterns = [path("admin/", admin.site.urls), path("accounts/", include("django.contrib.auth.urls"))]
