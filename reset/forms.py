"""Forms of the wizard. They check shape; `reset/flow.py` decides."""

from typing import Any

import phonenumbers
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.methods import Method
from reset.models import ResetRequest


class IdentifyForm(forms.Form):
    """Who are you, what is the trouble, which letters do you see."""

    user = forms.CharField(
        label=_("User name"),
        help_text=_("For example name@acme.example"),
        max_length=254,
        error_messages={"required": _("Type your user name.")},
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false", "dir": "auto"}
        ),
    )
    trouble = forms.ChoiceField(
        choices=ResetRequest.Trouble.choices, initial=ResetRequest.Trouble.FORGOT, widget=forms.RadioSelect
    )
    captcha_key = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    captcha_binding = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    captcha = forms.CharField(
        label=_("Letters in the picture"),
        required=False,
        max_length=16,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )


class DestinationForm(forms.Form):
    """The whole phone number, typed before a text is sent to it."""

    number = forms.CharField(
        label=_("Your whole phone number"),
        help_text=_("With country code, for example +49 151 23456789. It has to be the one on file."),
        max_length=40,
        error_messages={"required": _("Type your phone number.")},
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel", "dir": "ltr"}),
    )

    def clean_number(self) -> str:
        """E.164. Without a country code nobody knows which number is meant."""
        typed: str = self.cleaned_data["number"].strip()
        typed = "+" + typed[2:] if typed.startswith("00") else typed
        try:
            parsed = phonenumbers.parse(typed, None)
        except phonenumbers.NumberParseException:
            raise ValidationError(_("Start with + and the country code, for example +49 151 23456789.")) from None
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


class CodeForm(forms.Form):
    """A six-digit code. What has another shape is still an attempt: the flow counts it."""

    code = forms.CharField(
        label=_("Six-digit code"),
        required=False,
        max_length=64,
        widget=forms.TextInput(
            attrs={"class": "code", "inputmode": "numeric", "autocomplete": "one-time-code", "maxlength": "10"}
        ),
    )


class NumberForm(forms.Form):
    """The two digits that a phone shows. What has another shape is still an attempt."""

    code = forms.CharField(
        label=_("Number that the phone shows"),
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={"class": "code", "inputmode": "numeric", "autocomplete": "off"}),
    )


class RecoveryCodeForm(forms.Form):
    """A code from a printed sheet. What has another shape is still an attempt."""

    code = forms.CharField(
        label=_("Recovery code"),
        required=False,
        max_length=64,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "dir": "ltr"}
        ),
    )


class AccessPassForm(forms.Form):
    """A pass as somebody heard it on the phone. What has another shape is still an attempt."""

    code = forms.CharField(
        label=_("Temporary access pass"),
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "dir": "ltr"}),
    )


CODE_FORMS: dict[str, type[forms.Form]] = {
    Method.RECOVERY_CODE: RecoveryCodeForm,
    Method.ACCESS_PASS: AccessPassForm,
    Method.APP_NOTIFICATION: NumberForm,
}


def code_form(method: str, error: str = "") -> forms.Form:
    """The field for a code of this method; an error, shown below it, is tied to it."""
    form = CODE_FORMS.get(method, CodeForm)()
    if error:
        described = {"aria-invalid": "true", "aria-describedby": "id_code_error", "autofocus": ""}
        form.fields["code"].widget.attrs.update(described)
    return form


class AnswersForm(forms.Form):
    """Answers to the questions asked, in their order."""

    def __init__(self, questions: list[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number, question in enumerate(questions):
            self.fields[f"answer_{number}"] = forms.CharField(
                label=question,
                required=False,
                max_length=200,
                widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
            )

    @property
    def answers(self) -> list[str]:
        return [self.cleaned_data.get(name, "") for name in self.fields]


class PasswordForm(forms.Form):
    """The new password, twice."""

    password = forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=1024,
        error_messages={"required": _("Choose a new password.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "aria-describedby": "rules"}),
    )
    again = forms.CharField(
        label=_("Once more"),
        strip=False,
        max_length=1024,
        error_messages={"required": _("Type it once more, so that a slip of the finger is noticed.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        password, again = cleaned.get("password"), cleaned.get("again")
        if password and again and password != again:
            self.add_error("again", _("This is not the same as above. Type the new password twice."))
        return cleaned


class ContactForm(forms.Form):
    """A few words to the administrators."""

    message = forms.CharField(
        label=_("What happened?"),
        help_text=_("Don't write passwords or codes. Say how you can be reached."),
        max_length=1000,
        error_messages={"required": _("Write a few words, so that they can help you.")},
        widget=forms.Textarea(attrs={"rows": 5}),
    )
