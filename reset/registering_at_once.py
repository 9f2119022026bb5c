"""What is registered at once, without a code of its own: security questions with their answers, and recovery codes.

Both are replaced as a whole; earlier answers and codes prove nothing any more.
"""

from datetime import datetime

from django.db import transaction

from accounts import secrets
from accounts.methods import AuthenticatorType, Method
from accounts.models import Authenticator, RecoveryCode, SecurityAnswer, User
from accounts.visitor import Visitor
from policy import hashing
from policy.decisions import questions_registered_of
from reset import questions, recovery_codes
from reset.registration import in_turn, standing_of, tell_registered, unsaved
from reset.requests import NotOffered


def save_questions(user: User, answers: dict[str, str], visitor: Visitor, now: datetime) -> None:
    """Register security questions with their answers (checked by the form); earlier ones go.

    Raises NotOffered, policy.hashing.Busy or accounts.executors.NoExecutor.
    """
    registration = standing_of(user, now).registration
    number = questions_registered_of(registration.policy)
    if Method.QUESTIONS not in registration.allowed or not questions.are_good(answers, number):
        raise NotOffered
    hashes = hashing.run(lambda: {question: questions.hash_answer(answer) for question, answer in answers.items()})
    row = unsaved(user, AuthenticatorType.QUESTIONS, "", "", now)
    row.sealed, row.digest, row.confirmed_at = b"", "", now
    with transaction.atomic():
        if not in_turn(user):
            raise NotOffered
        replaced = Authenticator.objects.filter(user=user, type=AuthenticatorType.QUESTIONS).delete()[0]
        row.save()
        SecurityAnswer.objects.bulk_create(
            SecurityAnswer(tenant=user.tenant, authenticator=row, question=question, answer_hash=answer_hash)
            for question, answer_hash in hashes.items()
        )
        tell_registered(user, row.type, bool(replaced), visitor, now)


def make_recovery_codes(user: User, visitor: Visitor, now: datetime) -> list[str]:
    """Ten new codes, to be shown once; earlier ones open nothing any more. Raises NotOffered or NoExecutor."""
    if Method.RECOVERY_CODE not in standing_of(user, now).registration.allowed:
        raise NotOffered
    codes = [recovery_codes.new_code() for _ in range(recovery_codes.HOW_MANY)]
    row = unsaved(user, AuthenticatorType.RECOVERY_CODES, secrets.random_token(), "", now)
    row.sealed, row.confirmed_at = b"", now
    with transaction.atomic():
        if not in_turn(user):
            raise NotOffered
        replaced = Authenticator.objects.filter(user=user, type=row.type).delete()[0]
        row.save()
        RecoveryCode.objects.bulk_create(
            RecoveryCode(tenant=user.tenant, authenticator=row, digest=recovery_codes.digest_of(row, code))
            for code in codes
        )
        tell_registered(user, row.type, bool(replaced), visitor, now)
    return codes
