"""How each authentication method works in a reset. Adding one: a file, a line here, its templates and tests."""

from accounts.methods import Method
from reset.methods.access_pass import AccessPasses
from reset.methods.app_code import AppCode
from reset.methods.app_notification import AppNotification
from reset.methods.base import AuthenticationMethod
from reset.methods.calls import MobileCall, OfficeCall
from reset.methods.codes import EmailCode, SmsCode
from reset.methods.passkey import Passkeys
from reset.methods.recovery_code import RecoveryCodes
from reset.methods.security_questions import SecurityQuestions

METHODS: dict[Method, AuthenticationMethod] = {
    Method.EMAIL: EmailCode(),
    Method.SMS: SmsCode(),
    Method.CALL: MobileCall(),
    Method.OFFICE_CALL: OfficeCall(),
    Method.APP_CODE: AppCode(),
    Method.QUESTIONS: SecurityQuestions(),
    Method.RECOVERY_CODE: RecoveryCodes(),
    Method.PASSKEY: Passkeys(),
    Method.APP_NOTIFICATION: AppNotification(),
    Method.ACCESS_PASS: AccessPasses(),
}
