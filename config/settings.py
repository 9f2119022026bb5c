"""All settings, from the environment alone. What a tenant may change lives in the database, not here.

Two profiles: `embedded` (one process on one machine: try, develop, test) and `production` (the default, which refuses
to start when anything it needs is missing or weak; see config/checks.py).
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from config.environment import (
    boolean,
    database,
    host_of,
    integer,
    local_names,
    local_url,
    passkey_host,
    secret,
    shared_keys,
)

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

REKEY_PROFILE = env.str("REKEY_PROFILE", default="production")
EMBEDDED = REKEY_PROFILE == "embedded"
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))

DEBUG = boolean(env, "DEBUG", default=False)
SECRET_KEY = secret(env, "SECRET_KEY")
SEALING_KEYS = shared_keys(secret(env, "SEALING_KEYS"), "SEALING_KEYS")
DIGEST_KEYS = shared_keys(secret(env, "DIGEST_KEYS"), "DIGEST_KEYS")
SIGNING_KEY_FILE = env.str("SIGNING_KEY_FILE", default="")
EXECUTOR_KEY_FILE = env.str("EXECUTOR_KEY_FILE", default="")
VAPID_PRIVATE_KEY_FILE = env.str("VAPID_PRIVATE_KEY_FILE", default="")

# Where the embedded server listens; a production server is told by its own command line.
HOST = env.str("HOST", default="127.0.0.1")
PORT = integer(env, "PORT", default=8000)
BASE_URL = env.str("BASE_URL", default=local_url(HOST, PORT) if EMBEDDED else "").rstrip("/")
SECURE = BASE_URL.startswith("https://")
# Where agents find the process they talk to (config/asgi.py). They never speak plain http.
AGENTS_PORT = integer(env, "AGENTS_PORT", default=PORT + 1)
AGENTS_URL = env.str("AGENTS_URL", default=f"https://localhost:{AGENTS_PORT}" if EMBEDDED else BASE_URL).rstrip("/")
PASSKEY_HOST = env.str("PASSKEY_HOST", default=passkey_host(BASE_URL)).lower()
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=local_names(HOST, BASE_URL) if EMBEDDED else [])
TRUSTED_PROXY_COUNT = integer(env, "TRUSTED_PROXY_COUNT", default=0)
CONSOLE_NEEDS_APP_CODE = boolean(env, "CONSOLE_NEEDS_APP_CODE", default=not EMBEDDED)
CAPTCHA_REQUIRED = boolean(env, "CAPTCHA_REQUIRED", default=True)

# Django's hints that don't hold here: names are unique per tenant (auth.W004), the CSRF check is a subclass of Django's
# (W003), redirecting to TLS is the proxy's work (W008), other hosts of the domain aren't ours (W005, W021).
SILENCED_SYSTEM_CHECKS = ["auth.W004", "security.W003", "security.W005", "security.W008", "security.W021"]

INSTALLED_APPS = [
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "captcha",
    "csp",
    "django_otp",
    "accounts",
    "policy",
    "notifications",
    "writeback",
    "reset",
    "config",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "accounts.middleware.ContentSecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "accounts.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "accounts.middleware.SameOriginMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "accounts.middleware.RequestFactsMiddleware",
    "accounts.middleware.ScopeMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "config.templating.PerLanguage",
                    ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

FORM_RENDERER = "config.inputs.PlainInputs"

# --- data ---------------------------------------------------------------------------------------------------------

DATABASES: dict[str, dict[str, Any]] = {
    "default": database(env, default=f"sqlite:///{VAR_DIR / 'rekey.sqlite3'}" if EMBEDDED else "sqlite://")
}
POSTGRESQL = DATABASES["default"]["ENGINE"].endswith("postgresql")
DATABASES["default"]["CONN_MAX_AGE"] = integer(env, "CONN_MAX_AGE", default=600)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
if POSTGRESQL:
    DATABASES["default"]["ENGINE"] = "config.postgresql"  # Django's, with health checks that cost no statement
    # What a connection says again and again is parsed and planned once: half of the database's work for a reset.
    DATABASES["default"].setdefault("OPTIONS", {}).update(server_side_binding=True, prepare_threshold=5)
else:
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        transaction_mode="IMMEDIATE",
        timeout=20,
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = secret(env, "REDIS_URL")
# Holds public keys of executors for a minute, nothing else: in the process, so that no page hangs on another server.
CACHES: dict[str, dict[str, Any]] = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- people -------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.RoleBackend"]
PASSWORD_HASHERS = ["accounts.hashers.OwaspArgon2PasswordHasher"]
LOGIN_URL = "signin"
LOGIN_REDIRECT_URL = "account"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = SECURE
SESSION_COOKIE_NAME = "__Host-session" if SECURE else "session"
CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"
CSRF_FAILURE_VIEW = "reset.views.errors.csrf_failure"
CSRF_TRUSTED_ORIGINS = [BASE_URL] if BASE_URL else []
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

# --- headers ------------------------------------------------------------------------------------------------------

# Redirecting to TLS is the proxy's work; believing X-Forwarded-Proto is the operator's word (TRUSTED_PROXY_COUNT).
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT and SECURE else None
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = False
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "no-referrer"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "media-src": [SELF],
        "connect-src": [SELF],
        "font-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

# --- words --------------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("fr", "Français"), ("es", "Español"), ("ar", "العربية")]
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = SECURE
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
# The embedded profile serves files from where they lie in the apps; production from where `collectstatic` puts them.
STATIC_ROOT = None if EMBEDDED else Path(env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if EMBEDDED
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = EMBEDDED
WHITENOISE_AUTOREFRESH = False

# --- captcha: on unless CAPTCHA_REQUIRED is false; one answer opens one request (reset/captcha.py) -----------------------

CAPTCHA_CHALLENGE_FUNCT = "reset.captcha.random_letters"
CAPTCHA_LENGTH = 5
CAPTCHA_TIMEOUT = 15  # minutes, as long as a reset request lives
CAPTCHA_FONT_SIZE = 34
CAPTCHA_IMAGE_SIZE = (220, 64)
CAPTCHA_LETTER_ROTATION = (-20, 20)
CAPTCHA_BACKGROUND_COLOR = "#ffffff"
CAPTCHA_FOREGROUND_COLOR = "#22325c"
CAPTCHA_NOISE_FUNCTIONS = ("captcha.helpers.noise_arcs",)
CAPTCHA_FLITE_PATH = env.str("CAPTCHA_FLITE_PATH", default="/usr/bin/flite")

# --- work done behind the page ------------------------------------------------------------------------------------

CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_DEFAULT_QUEUE = "interactive"
CELERY_TASK_ROUTES = {
    "writeback.tasks.execute": {"queue": "writeback"},
    "writeback.tasks.*": {"queue": "bulk"},
    "reset.tasks.*": {"queue": "bulk"},  # housekeeping; a passcode never waits behind it
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_IMPORTS = ["config.worker"]  # read by workers and beat only
CELERY_WORKER_POOL = "threads"  # its work is waiting for other servers; one process keeps their connections
CELERY_WORKER_CONCURRENCY = integer(env, "WORKER_CONCURRENCY", default=4 if EMBEDDED else 8)
# Connections to the database outlive a task; config/worker.py drops the stale ones before each task.
CELERY_DB_REUSE_MAX = 2**31
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker outlives its broker, however long that is away
CELERY_BROKER_TRANSPORT_OPTIONS = {} if REDIS_URL else {"polling_interval": 0.02}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "expire-requests": {"task": "reset.tasks.expire_requests", "schedule": timedelta(minutes=1)},
    "watch-spending": {"task": "reset.tasks.watch_spending", "schedule": timedelta(minutes=5)},
    "look-through-addresses": {"task": "reset.tasks.look_through_addresses", "schedule": timedelta(minutes=10)},
    "sync-due": {"task": "writeback.tasks.sync_due", "schedule": timedelta(minutes=1)},
    "prune": {"task": "reset.tasks.prune", "schedule": timedelta(hours=1)},
    "ensure-partitions": {"task": "reset.tasks.ensure_partitions", "schedule": timedelta(hours=12)},
}
SWEEP_SECONDS = 5.0
JOB_SWEEP_SECONDS = 2.0

EMAIL_URL = secret(env, "EMAIL_URL") or ("captured://" if EMBEDDED else "")
EMAIL_FROM = env.str("EMAIL_FROM", default=f"no-reply@{host_of(BASE_URL) or 'localhost'}")
SMS_URL = secret(env, "SMS_URL") or ("captured://" if EMBEDDED else "")
VOICE_URL = secret(env, "VOICE_URL") or ("captured://" if EMBEDDED else "")
SMS_METHOD = env.str("SMS_METHOD", default="POST")
SMS_BODY = env.str("SMS_BODY", default='{"to": "{to}", "text": "{text}"}')
SMS_CONTENT_TYPE = env.str("SMS_CONTENT_TYPE", default="application/json")
SMS_HEADERS = secret(env, "SMS_HEADERS")
EGRESS_ALLOW_PRIVATE = env.list("EGRESS_ALLOW_PRIVATE", default=["127.0.0.0/8", "::1/128"] if EMBEDDED else [])
DELIVERY_TIMEOUT_SECONDS = 10.0

# --- logs ---------------------------------------------------------------------------------------------------------

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "celery": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "urllib3": {"level": "INFO"},  # at DEBUG it would log addresses
        "gunicorn.http.wsgi": {"level": "ERROR"},  # it warns of every HEAD request
    },
}
# Everything a person types may be secret; error reports never carry posted values.
DEFAULT_EXCEPTION_REPORTER_FILTER = "config.reporting.NoPostedValues"

PRODUCT_NAME = _("Rekey")
