from importlib import import_module

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
    verbose_name = "Rekey"

    def ready(self) -> None:
        # The checks look into other apps, so they are loaded when those are there.
        import_module("config.checks")
