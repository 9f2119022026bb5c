"""Security questions: the predefined ones, how answers are compared, and which ones are asked."""

import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

from django.contrib.auth.hashers import check_password, make_password
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import SecurityAnswer, Tenant
from policy.models import QuestionText

FEWEST = 3  # no policy asks for less
CUSTOM = "custom:"

PREDEFINED: Mapping[str, str | Promise] = {
    "first_pet": _("What was the name of your first pet?"),
    "childhood_street": _("In which street did you live when you were ten years old?"),
    "first_school": _("What was the name of your first school?"),
    "favourite_teacher": _("What was the family name of your favourite teacher?"),
    "first_job": _("In which town was your first job?"),
    "first_car": _("What was the make and model of your first car?"),
    "mother_birthplace": _("In which town was your mother born?"),
    "father_birthplace": _("In which town was your father born?"),
    "grandmother_name": _("What was the first name of your mother's mother?"),
    "grandfather_job": _("What was the profession of your mother's father?"),
    "childhood_friend": _("What was the first name of your best friend as a child?"),
    "first_concert": _("Which was the first concert you went to?"),
    "first_trip": _("Where did you travel on your first flight?"),
    "first_film": _("Which was the first film you saw in a cinema?"),
    "childhood_hero": _("Who was your hero when you were a child?"),
    "childhood_book": _("Which was your favourite book as a child?"),
    "childhood_game": _("Which was your favourite game as a child?"),
    "childhood_food": _("Which dish did you dislike most as a child?"),
    "dream_job": _("What did you want to become when you were a child?"),
    "oldest_cousin": _("What is the first name of your oldest cousin?"),
    "first_boss": _("What was the family name of your first manager?"),
    "wedding_place": _("In which town did your parents marry?"),
    "first_instrument": _("Which instrument did you learn first?"),
    "first_phone": _("What was the make of your first mobile phone?"),
    "favourite_place": _("What was the name of the place you spent your childhood holidays?"),
}


def normalise(answer: str) -> str:
    """What of an answer is compared: letters and digits, in one case and one form (NFKC)."""
    folded = unicodedata.normalize("NFKC", answer).casefold()
    return "".join(char for char in folded if unicodedata.category(char)[0] in "LNM")


def hash_answer(answer: str) -> str:
    """A slow hash, as for a password: answers have few bits."""
    return make_password(normalise(answer))


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return make_password(secrets.token_urlsafe(32))


def all_right(asked: Sequence[str], held: Mapping[str, str], answers: Sequence[str]) -> bool:
    """Whether every asked question is answered rightly. Each one costs a hash, whoever it is and whatever came before."""
    verdicts = []
    for number, question in enumerate(asked):
        given = normalise(answers[number]) if number < len(answers) else ""
        stored = held.get(question, "") or _nobodys_hash()
        verdicts.append(check_password(given, stored) and question in held and bool(given))
    return len(verdicts) >= FEWEST and all(verdicts)


def draw(available: Sequence[str], count: int) -> list[str]:
    """A fresh random choice of questions."""
    return secrets.SystemRandom().sample(list(available), min(count, len(available)))


def are_good(answers: Mapping[str, str], number: int) -> bool:
    """Whether these are as many answers as have to be registered, none of them given twice."""
    different = {normalise(answer) for answer in answers.values()} - {""}
    return len(answers) == len(different) == number


def held_by(authenticator_id: int | None) -> dict[str, str]:
    """The questions a person answered, with the hashes of the answers."""
    rows = SecurityAnswer.objects.filter(authenticator_id=authenticator_id or 0).order_by("id")
    return dict(rows.values_list("question", "answer_hash"))


def available(tenant: Tenant) -> list[str]:
    """Every question people of a tenant can have answered."""
    own = QuestionText.objects.filter(tenant=tenant).order_by("pk").values_list("pk", flat=True)
    return [*PREDEFINED, *(f"{CUSTOM}{pk}" for pk in own)]


def texts(questions: Sequence[str], tenant: Tenant) -> list[str]:
    """The questions as they are shown: predefined ones in the reader's language, the tenant's own as typed."""
    own_ids = [int(question.removeprefix(CUSTOM)) for question in questions if question.startswith(CUSTOM)]
    # Asked for predefined questions too: the same statements whatever is shown.
    own = dict(QuestionText.objects.filter(tenant=tenant, pk__in=own_ids or [0]).values_list("pk", "text"))
    return [
        own.get(int(question.removeprefix(CUSTOM)), "")
        if question.startswith(CUSTOM)
        else str(PREDEFINED.get(question, ""))
        for question in questions
    ]
