"""What is allowed: reset policies, the sign-in rule, question texts and the counters of throttles."""

from policy.models.counters import Counter
from policy.models.lockouts import SignInLockout
from policy.models.policies import QuestionText, ResetPolicy
from policy.models.signin import SignInRule
from policy.models.spending import SpendGuard

__all__ = ["Counter", "QuestionText", "ResetPolicy", "SignInLockout", "SignInRule", "SpendGuard"]
