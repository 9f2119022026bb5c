"""Forms of sign-in, account and invitation. They check shape; what a value is worth is decided elsewhere."""

from typing import Any

from django import forms
from django.core.validators import ProhibitNullCharactersValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.names import MAX_LENGTH
from policy.passwords import Rule

RULES_ID = "password-rules"


class PasswordField(forms.CharField):
    """A password exactly as typed: spaces count, and no character is refused before the rules are asked."""

    def __init__(self, autocomplete: str, missing: Any, **kwargs: Any) -> None:
        widget = forms.PasswordInput(
            attrs={"autocomplete": autocomplete, "autocapitalize": "none", "spellcheck": "false"}
        )
        super().__init__(strip=False, widget=widget, error_messages={"required": missing}, **kwargs)
        self.validators = [one for one in self.validators if not isinstance(one, ProhibitNullCharactersValidator)]


class SignInForm(forms.Form):
    username = forms.CharField(
        label=gettext_lazy("User name"),
        max_length=MAX_LENGTH,
        error_messages={
            "required": gettext_lazy("Type your user name."),
            "max_length": gettext_lazy("That is too long for a user name. Please check it."),
            "null_characters_not_allowed": gettext_lazy("There is an invisible character in it. Please type it anew."),
        },
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false", "maxlength": None}
        ),
    )
    password = PasswordField("current-password", gettext_lazy("Type your password."), label=gettext_lazy("Password"))


class PasswordOnlyForm(forms.Form):
    password = PasswordField("current-password", gettext_lazy("Type your password."), label=gettext_lazy("Password"))


class AppCodeForm(forms.Form):
    code = forms.RegexField(
        r"^[0-9]{6}\Z",
        label=gettext_lazy("Six-digit code"),
        error_messages={
            "required": gettext_lazy("Type the code that your app shows."),
            "invalid": gettext_lazy("The code has six digits. Please type all of them, and nothing else."),
        },
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "class": "code"}),
    )

    def __init__(self, data: Any = None) -> None:
        """Apps show the code in two groups of three; people type it so."""
        if data is not None and isinstance(data.get("code"), str):
            data = {"code": "".join(data["code"].split())}
        super().__init__(data)


class NewPasswordForm(forms.Form):
    new_password = PasswordField(
        "new-password", gettext_lazy("Type a new password."), label=gettext_lazy("New password")
    )
    once_more = PasswordField(
        "new-password", gettext_lazy("Type the new password once more."), label=gettext_lazy("Once more")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password"].widget.attrs["aria-describedby"] = RULES_ID

    def clean(self) -> dict[str, Any]:
        typed = self.cleaned_data
        if "new_password" in typed and "once_more" in typed and typed["new_password"] != typed["once_more"]:
            self.add_error("once_more", _("The two differ. Please type the same password twice."))
        return typed

    def refuse(self, broken: list[Rule]) -> None:
        """Tie the broken rules to the field; each stands in the list below it."""
        self.add_error("new_password", _("Please choose another one: what it lacks is marked in the list."))
        self.refer_to_error("new_password")

    def refer_to_error(self, name: str) -> None:
        self.fields[name].widget.attrs["aria-describedby"] = f"id_{name}_error {RULES_ID}"


class ChangePasswordForm(NewPasswordForm):
    current_password = PasswordField(
        "current-password", gettext_lazy("Type the password you have now."), label=gettext_lazy("Current password")
    )
    field_order = ["current_password", "new_password", "once_more"]

    def clean(self) -> dict[str, Any]:
        typed = super().clean()
        if "new_password" in typed and typed["new_password"] == typed.get("current_password"):
            self.add_error("new_password", _("That is the password you have now."))
            self.refer_to_error("new_password")
        return typed
