"""What is wrong with settings of a directory, in sentences. Web processes have no LDAP library, so this reads them itself."""

import re
from datetime import datetime

from cryptography import x509
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from writeback.connectors.reading import FIELDS

# One `attribute=value`, or several with + between. Source: RFC 4514.
_ATTRIBUTE = r"(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*)"
_VALUE = r"(?:\\[0-9A-Fa-f]{2}|\\[ \"#+,;<=>\\]|[^\\\",;+<>\x00-\x1f\x7f])+"
_PART = rf" *{_ATTRIBUTE} *={_VALUE}"
DN = re.compile(rf"{_PART}(?:[,+]{_PART})*")
ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
# Nothing that opens an account may end up in a field that people see.
SECRET_ATTRIBUTES = frozenset(
    {
        "userpassword", "unicodepwd", "dbcspwd", "ntpwdhistory", "lmpwdhistory", "supplementalcredentials",
        "passwordhistory", "pwdhistory", "sambantpassword", "sambalmpassword", "krbprincipalkey", "ms-mcs-admpwd",
        "mslaps-password", "mslaps-encryptedpassword", "msds-managedpassword", "unixuserpassword", "orclpassword",
    }
)  # fmt: skip
MOST_CERTIFICATES = 50


def problem_of_dn(text: str) -> str:
    """Empty where nothing is wrong."""
    if DN.fullmatch(text):
        return ""
    return _("“%(dn)s” is no DN: write it like OU=Staff,DC=corp,DC=example.") % {"dn": text}


def problems_of_dns(text: str) -> list[str]:
    """One sentence for each bad line."""
    lines = (line.strip() for line in text.splitlines())
    return [problem for line in lines if line and (problem := problem_of_dn(line))]


def problems_of_certificates(pem: str, now: datetime) -> list[str]:
    """One sentence for each certificate that can't be trusted, or one for the whole text."""
    if "PRIVATE KEY" in pem:
        return [_("There is a private key in this text. It was not kept; paste certificates only.")]
    try:
        found = x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        return [_("These are no certificates in PEM form: each begins with -----BEGIN CERTIFICATE-----.")]
    if len(found) > MOST_CERTIFICATES:
        return [_("There are more than %(most)s certificates.") % {"most": MOST_CERTIFICATES}]
    return [problem for one in found if (problem := _problem_of_certificate(one, now))]


def _problem_of_certificate(certificate: x509.Certificate, now: datetime) -> str:
    name = certificate.subject.rfc4514_string() or "–"
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if ends <= now:
        return _("The certificate of %(name)s expired on %(day)s.") % {"name": name, "day": date_format(ends)}
    if begins > now:
        return _("The certificate of %(name)s is not valid before %(day)s.") % {
            "name": name,
            "day": date_format(begins),
        }
    return ""


def read_attributes(text: str) -> tuple[dict[str, str], list[str]]:
    """Lines of `field = attribute` as a map; and what is wrong with them, a sentence for each bad line."""
    found: dict[str, str] = {}
    problems = []
    for line in filter(None, (line.strip() for line in text.splitlines())):
        name, separator, attribute = (part.strip() for part in line.partition("="))
        problem = _problem_of_attribute(line, name, separator, attribute, found)
        if problem:
            problems.append(problem)
        else:
            found[name] = attribute
    return found, problems


def _problem_of_attribute(line: str, name: str, separator: str, attribute: str, found: dict[str, str]) -> str:
    if not separator or not ATTRIBUTE.fullmatch(attribute):
        return _("“%(line)s”: write a field, =, and an attribute, like mail = proxyMail.") % {"line": line}
    if name not in FIELDS:
        return _("There is no field %(name)s. There are: %(known)s.") % {"name": name, "known": ", ".join(FIELDS)}
    if attribute.lower() in SECRET_ATTRIBUTES:
        return _("%(attribute)s holds passwords: it is never read.") % {"attribute": attribute}
    if name in found:
        return _("The field %(name)s is there twice.") % {"name": name}
    return ""


def written_attributes(attributes: dict[str, str]) -> str:
    """A map as lines."""
    return "\n".join(f"{name} = {attribute}" for name, attribute in attributes.items())


def problem_of_filter(text: str) -> str:
    """Empty where the brackets of an LDAP filter match. Whether the directory knows its words, only it can say."""
    depth, closed = 0, text.startswith("(")
    for place, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0 and place < len(text) - 1:
            closed = False
    if closed and depth == 0 and "=" in text and text.isprintable():
        return ""
    return _("Write a filter in brackets that match, like (&(objectClass=person)(mail=*)).")
