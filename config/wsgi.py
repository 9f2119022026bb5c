"""The web process: `gunicorn config.wsgi`. It refuses to start when the environment is not fit for production."""

import os

import django
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from accounts.memory import keep_out_of_core_dumps
from config.startup import read_settings, refuse_unless_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
keep_out_of_core_dumps()
read_settings()
django.setup()
refuse_unless_ready("web")
application = get_wsgi_application()
# Views are loaded before gunicorn forks, not by the first visitor of each process.
get_resolver().url_patterns  # noqa: B018 - looking loads them
