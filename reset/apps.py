from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ResetConfig(AppConfig):
    name = "reset"
    verbose_name = _("Reset")

    def ready(self) -> None:
        """A rotation of keys must not lose what somebody is just registering."""
        rotation = import_module("accounts.rotation")
        rotation.cover(self.get_model("OwnChallenge"))
