"""Forms of security info. They check shape; `reset/registration.py` decides what may be registered."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts import phones
from accounts.importing.checking import mail_address
from reset.questions import normalise

SHORTEST_ANSWER, LONGEST_ANSWER = 3, 40  # Source: Entra's limits for security questions.


class LabelForm(forms.Form):
    """A name of one's own for a method, such as *my old phone*."""

    label = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=64,
        help_text=_("So that you know it again, for example “Work phone”. You may leave it empty."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    @property
    def value(self) -> str:
        return ""


class AddressForm(LabelForm):
    address = forms.CharField(
        label=_("E-mail address"),
        max_length=254,
        help_text=_("One that you can read without this account, such as a private one."),
        error_messages={"required": _("Type an e-mail address.")},
        widget=forms.TextInput(attrs={"type": "email", "autocomplete": "email", "dir": "ltr"}),
    )
    field_order = ["address", "label"]

    def clean_address(self) -> str:
        return _read(mail_address, self.cleaned_data["address"])

    @property
    def value(self) -> str:
        return str(self.cleaned_data["address"])


class NumberForm(LabelForm):
    """A mobile phone."""

    read = staticmethod(phones.typed_mobile)
    number = forms.CharField(
        label=_("Mobile phone number"),
        max_length=40,
        help_text=_("With country code, for example +49 151 23456789."),
        error_messages={"required": _("Type a phone number.")},
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel", "dir": "ltr"}),
    )
    field_order = ["number", "label"]

    def __init__(self, *args: Any, region: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.region = region

    def clean_number(self) -> str:
        """E.164. A number without country code is one of the region that the browser's language names."""
        return _read(lambda typed: self.read(phones.with_country_code(typed, self.region)), self.cleaned_data["number"])

    @property
    def value(self) -> str:
        return str(self.cleaned_data["number"])


class OfficeNumberForm(NumberForm):
    """An office phone, perhaps with an extension."""

    read = staticmethod(phones.typed_office)
    number = forms.CharField(
        label=_("Office phone number"),
        max_length=40,
        help_text=_("With country code, and with x before an extension, for example +49 30 901820x123."),
        error_messages={"required": _("Type a phone number.")},
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off", "inputmode": "tel", "dir": "ltr"}),
    )


def _read(reader: Any, typed: str) -> str:
    try:
        return str(reader(typed.strip()))
    except ValueError as error:
        raise ValidationError(f"{capfirst(str(error))}.") from None


class QuestionsForm(forms.Form):
    """As many different questions as have to be registered, each with its answer."""

    def __init__(self, choices: list[tuple[str, str]], number: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.numbers = range(number)
        for number in self.numbers:
            self.fields[f"question_{number}"] = forms.ChoiceField(
                label=_("Question %(number)d") % {"number": number + 1},
                choices=[("", "—"), *choices],
                error_messages={"required": _("Choose a question."), "invalid_choice": _("Choose a question.")},
            )
            self.fields[f"answer_{number}"] = forms.CharField(
                label=_("Answer %(number)d") % {"number": number + 1},
                max_length=LONGEST_ANSWER,
                error_messages={"required": _("Type an answer.")},
                widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
            )

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or {}
        self._refuse_twice(
            [f"question_{number}" for number in self.numbers], _("You chose this question above already.")
        )
        answers = [f"answer_{number}" for number in self.numbers]
        for name in answers:
            if name in typed and len(normalise(typed[name])) < SHORTEST_ANSWER:
                self.add_error(name, _("Answer with at least three letters or digits."))
        self._refuse_twice(answers, _("You gave this answer above already."))
        return typed

    def _refuse_twice(self, names: list[str], sentence: Any) -> None:
        seen: set[str] = set()
        for name in names:
            value = self.cleaned_data.get(name)
            if value is None:
                continue
            same = normalise(value) if name.startswith("answer") else value
            if same in seen:
                self.add_error(name, sentence)
            seen.add(same)

    @property
    def answers(self) -> dict[str, str]:
        typed = self.cleaned_data
        return {typed[f"question_{number}"]: typed[f"answer_{number}"] for number in self.numbers}

    def pairs(self) -> list[tuple[Any, Any]]:
        return [(self[f"question_{number}"], self[f"answer_{number}"]) for number in self.numbers]
