from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WritebackConfig(AppConfig):
    name = "writeback"
    verbose_name = _("Writeback")
