"""Addresses of sign-in, account and invitation."""

from django.urls import path

from reset.views import account, authenticator, directory, own_account, proofs, second_proof, security_info, setup, signin, welcome

urlpatterns = [
    path("signin/", signin.sign_in, name="signin"),
    path("signin/verify/", second_proof.choose, name="signin-verify"),
    path("signin/verify/<uuid:challenge_id>/", second_proof.answer, name="signin-answer"),
    path("signin/wait/", directory.wait, name="signin-wait"),
    path("signin/waiting/", directory.waiting, name="signin-waiting"),
    path("signin/new-password/", directory.new_password, name="signin-new-password"),
    path("signin/code/", signin.app_code, name="signin-code"),
    path("t/<slug:slug>/signin/", signin.sign_in, name="tenant-signin"),
    path("signout/", signin.sign_out, name="signout"),
    path("account/", account.account, name="account"),
    path("account/activity/", own_account.recent, name="account-activity"),
    path("account/activity/<uuid:event_id>/", own_account.not_me, name="account-not-me"),
    path("account/sign-out-everywhere/", own_account.sign_out_everywhere, name="account-sign-out-everywhere"),
    path("account/language/", own_account.language, name="account-language"),
    path("account/data.json", own_account.data, name="account-data"),
    path("security-info/", security_info.overview, name="security-info"),
    path("security-info/setup/", setup.setup, name="security-setup"),
    path("security-info/prove/", proofs.prove, name="prove"),
    path("security-info/prove/<uuid:challenge_id>/", proofs.answer, name="prove-answer"),
    path("security-info/add/<slug:method>/", security_info.add, name="security-add"),
    path("security-info/confirm/<uuid:challenge_id>/", security_info.confirm, name="security-confirm"),
    path("security-info/<int:authenticator_id>/", security_info.one, name="security-one"),
    path("authenticator/", authenticator.app, name="authenticator"),
    path("authenticator/manifest.webmanifest", authenticator.manifest, name="authenticator-manifest"),
    path("authenticator/sw.js", authenticator.service_worker, name="authenticator-worker"),
    path("authenticator/api/<slug:purpose>/", authenticator.call, name="authenticator-call"),
    path("welcome/", welcome.choose_password, name="welcome"),
    path("welcome/app/", welcome.confirm_app, name="welcome-app"),
    path("welcome/app/later/", welcome.skip_app, name="welcome-app-later"),
    path("welcome/done/", welcome.done, name="welcome-done"),
    path("welcome/<str:token>/", welcome.start, name="welcome-start"),
]
