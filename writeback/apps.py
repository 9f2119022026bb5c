from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WritebackConfig(AppConfig):
    name = "writeback"
    verbose_name = _("Writeback")

    def ready(self) -> None:
        # Loaded when the models are there. Service accounts' passwords move to new keys; what agents are stays checked.
        rotation = import_module("accounts.rotation")
        rotation.cover(self.get_model("Connector"), "sealed_password")
        rotation.keep_checking(self.get_model("Agent"))
