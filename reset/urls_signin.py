"""Addresses of sign-in, account and invitation."""

from django.urls import path

from reset.views import account, signin, welcome

urlpatterns = [
    path("signin/", signin.sign_in, name="signin"),
    path("signin/code/", signin.app_code, name="signin-code"),
    path("t/<slug:slug>/signin/", signin.sign_in, name="tenant-signin"),
    path("signout/", signin.sign_out, name="signout"),
    path("account/", account.account, name="account"),
    path("welcome/", welcome.choose_password, name="welcome"),
    path("welcome/app/", welcome.confirm_app, name="welcome-app"),
    path("welcome/app/later/", welcome.skip_app, name="welcome-app-later"),
    path("welcome/done/", welcome.done, name="welcome-done"),
    path("welcome/<str:token>/", welcome.start, name="welcome-start"),
]
