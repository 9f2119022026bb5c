"""What is allowed: reset policies, question texts and the counters of throttles."""

from policy.models.counters import Counter
from policy.models.lockouts import SignInLockout
from policy.models.policies import QuestionText, ResetPolicy
from policy.models.spending import SpendGuard

__all__ = ["Counter", "QuestionText", "ResetPolicy", "SignInLockout", "SpendGuard"]
