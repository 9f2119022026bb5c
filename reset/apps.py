from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ResetConfig(AppConfig):
    name = "reset"
    verbose_name = _("Reset")

    def ready(self) -> None:
        # What listens imports models, so it is loaded when those are there.
        import_module("reset.receivers")
        # A rotation of keys must not lose what somebody is just registering.
        import_module("accounts.rotation").cover(self.get_model("OwnChallenge"))
