"""The process that agents talk to: `uvicorn config.asgi:application`. It refuses to start like the others."""

import os
from importlib import import_module

import django

from accounts.memory import keep_out_of_core_dumps
from config.startup import read_settings, refuse_unless_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
keep_out_of_core_dumps()
read_settings()
django.setup()
refuse_unless_ready("agents")
# It knows of models, which are there only now.
application = import_module("writeback.agent_api.application").AgentApi()
