"""The exact rights that the service account needs, and no others, in the words of each directory's own tools. No Django here.

Reading: people, groups and the password policy. Writing: passwords, the directory's lock, and *must change*.
"""

from dataclasses import dataclass

from writeback.connectors.base import Kind

# MS-ADTS: the class user, the extended right Reset Password, the attributes lockoutTime and pwdLastSet.
USER = "bf967aba-0de6-11d0-a285-00aa003049e2"
RESET_PASSWORD = "00299570-246d-11d0-a768-00aa006e0529"  # noqa: S105 - a right
LOCKOUT_TIME = "28630ebf-41d5-11d1-a9c1-0000f80367c1"
PWD_LAST_SET = "bf967a0a-0de6-11d0-a285-00aa003049e2"  # noqa: S105 - an attribute
LIMITS_389 = ("nsSizeLimit", "nsLookThroughLimit", "nsPagedLookThroughLimit", "nsPagedSizeLimit", "nsIDListScanLimit")
WRITTEN_389 = "userPassword || accountUnlockTime || passwordRetryCount || passwordExpirationTime"
POLICY_389 = (
    "objectClass || passwordMinLength || passwordHistory || passwordLockout || passwordMaxFailure || passwordMustChange"
    " || passwordChange"
)
READING = "allow (read, search, compare)"
UNSAFE = ('"', "\n", "\r", "\0", "'", "`", "$", "(", ")")


class Unprintable(Exception):
    """A name that could end what it is written into."""


@dataclass(frozen=True)
class Wanted:
    """`account` is the service account's DN; `ou` is where the people are; `login` is the account as Windows writes it."""

    account: str
    ou: str
    login: str = r"DOMAIN\account"

    def check(self) -> None:
        """Raises Unprintable."""
        for value in (self.account, self.ou, self.login):
            if not value or any(mark in value for mark in UNSAFE):
                raise Unprintable(value)


def rights(kind: Kind, wanted: Wanted) -> str:
    """Commands or LDIF to be read, and then run, by the directory's administrator. Raises Unprintable."""
    wanted.check()
    return {Kind.ACTIVE_DIRECTORY: _active_directory, Kind.OPENLDAP: _openldap, Kind.DS389: _ds389}[kind](wanted)


def sddl(sid: str) -> str:
    """The same rights as Samba and Windows write them: they hold for users below, not for the OU itself."""
    attributes = "".join(f"(OA;CIIO;RPWP;{attribute};{USER};{sid})" for attribute in (LOCKOUT_TIME, PWD_LAST_SET))
    return f"(OA;CIIO;CR;{RESET_PASSWORD};{USER};{sid}){attributes}"


def _active_directory(wanted: Wanted) -> str:
    name = wanted.account.partition(",")[0].partition("=")[2]
    return f"""\
# On Windows, in a command prompt of a domain administrator:
dsacls "{wanted.ou}" /I:S /G "{wanted.login}:CA;Reset Password;user"
dsacls "{wanted.ou}" /I:S /G "{wanted.login}:RPWP;lockoutTime;user"
dsacls "{wanted.ou}" /I:S /G "{wanted.login}:RPWP;pwdLastSet;user"

# On a Samba domain controller, as root:
SID=$(samba-tool user show "{name}" --attributes=objectSid | sed -n 's/^objectSid: //p')
samba-tool dsacl set --objectdn="{wanted.ou}" --sddl="{sddl("$SID")}"
"""


def _openldap(wanted: Wanted) -> str:
    return f"""\
# OpenLDAP: ldapmodify -Y EXTERNAL -H ldapi:/// with this. Another number than {{1}} where your database has one.
# Never give the account `manage` on passwords: that switches the password policy off for what it sets.
dn: olcDatabase={{1}}mdb,cn=config
changetype: modify
add: olcAccess
olcAccess: {{0}}to dn.subtree="{wanted.ou}" attrs=userPassword
  by dn.exact="{wanted.account}" =xw by * break
olcAccess: {{1}}to attrs=userPassword,pwdHistory
  by dn.exact="{wanted.account}" none by * break
olcAccess: {{2}}to dn.subtree="{wanted.ou}" attrs=pwdAccountLockedTime,pwdReset
  by dn.exact="{wanted.account}" write by * break
olcAccess: {{3}}to * by dn.exact="{wanted.account}" read by * break
-
add: olcLimits
olcLimits: dn.exact="{wanted.account}" size=unlimited
"""


def _ds389(wanted: Wanted) -> str:
    who = f'userdn = "ldap:///{wanted.account}"'
    limits = "".join(f"replace: {name}\n{name}: -1\n-\n" for name in LIMITS_389)
    return f"""\
# 389 Directory Server: ldapmodify with this as the Directory Manager.
# Don't name the account in passwordAdminDN: that switches the password policy off for what it sets.
dn: {wanted.ou}
changetype: modify
add: aci
aci: (targetattr != "userPassword || passwordHistory || aci")(version 3.0; acl "Rekey reads"; {READING} {who};)
aci: (targetattr = "{WRITTEN_389}")(version 3.0; acl "Rekey writes"; allow (write) {who};)

dn: cn=config
changetype: modify
add: aci
aci: (targetattr = "{POLICY_389}")(version 3.0; acl "Rekey reads the password policy"; {READING} {who};)

# Bringing people in reads all of them: without these, 389 stops after a few thousand.
dn: {wanted.account}
changetype: modify
{limits}"""
