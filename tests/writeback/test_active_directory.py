"""Passwords in Active Directory: against a real domain controller, as an account with the least rights."""

import uuid
from collections.abc import Callable

import pytest

from tests.directories.people import guess_wrong, opens, refusal, why_not
from tests.directories.samba import ADMINISTRATOR, DISABLED, NEVER_EXPIRES, NORMAL, OUTSIDE, PASSWORD, PEOPLE, Samba
from writeback.connectors.active_directory import ActiveDirectory, known_reason
from writeback.connectors.base import DirectoryError, Entry, Reason
from writeback.connectors.failures import LdapError

pytestmark = pytest.mark.directory
NEW = "N3w-Passw0rd!"


@pytest.fixture
def directory(domain: Samba) -> ActiveDirectory:
    return ActiveDirectory(domain.access())


@pytest.fixture
def person(domain: Samba, directory: ActiveDirectory) -> Callable[..., Entry]:
    """Somebody new, as found."""

    def add(**values: str) -> Entry:
        dn = domain.add_user(**values)
        return directory.find(directory.find_anchor(domain.logins[dn]))

    return add


def test_a_reset_sets_the_new_password_and_ends_the_old_one(
    directory: ActiveDirectory, person: Callable[..., Entry]
) -> None:
    alice = person()
    directory.set_password(alice, NEW)
    assert opens(directory, alice, NEW)
    assert not opens(directory, alice, PASSWORD)


def test_a_change_sets_the_new_password_and_ends_the_old_one(
    directory: ActiveDirectory, person: Callable[..., Entry]
) -> None:
    alice = person()
    directory.set_password(alice, NEW, PASSWORD)
    assert opens(directory, alice, NEW)
    assert not opens(directory, alice, PASSWORD)


def test_every_password_set_changes_the_mark_and_nothing_else_of_ours_hides_it(
    directory: ActiveDirectory, person: Callable[..., Entry]
) -> None:
    alice = person()
    directory.set_password(alice, NEW)
    once = directory.find(alice.anchor)
    directory.set_password(alice, NEW)
    twice = directory.find(alice.anchor)
    assert len({alice.mark, once.mark, twice.mark}) == 3
    directory.require_change(alice)
    directory.set_password(alice, NEW)
    directory.require_change(alice)
    assert directory.find(alice.anchor).mark not in {alice.mark, once.mark, twice.mark}


@pytest.mark.parametrize(
    "password",
    [
        "Quote\"d 'Passw0rd",
        "Line\r\nbreak-Passw0rd",
        "$(touch /tmp/x) `id` Passw0rd; | & <>",
        "Pässwörd-ÄÖÜ-ß1",
        "Emoji🔑Passw0rd",
        "Back\\slash-Passw0rd",
        " Spaces-Passw0rd ",
        "L0ng-" + "x" * 250,
    ],
)
def test_w3_odd_passwords_make_the_round_trip(
    directory: ActiveDirectory, person: Callable[..., Entry], password: str
) -> None:
    alice = person()
    directory.set_password(alice, password)
    assert opens(directory, alice, password)
    directory.set_password(alice, NEW, password)
    assert opens(directory, alice, NEW)


@pytest.mark.parametrize("password", ["Half-\ud83d-Passw0rd", "Zero\0inside-Passw0rd"])
def test_w3_what_no_bind_could_carry_is_refused_and_not_repeated(
    directory: ActiveDirectory, person: Callable[..., Entry], password: str
) -> None:
    assert refusal(directory, person(), password) is Reason.POLICY


def test_w3_nothing_after_a_zero_is_left_out_of_a_password(
    directory: ActiveDirectory, person: Callable[..., Entry]
) -> None:
    alice = person()
    assert not opens(directory, alice, f"{PASSWORD}\0junk")
    assert not opens(directory, alice, "")


@pytest.mark.parametrize("current", ["", PASSWORD])
def test_a_short_password_is_refused_as_too_short(
    directory: ActiveDirectory, person: Callable[..., Entry], current: str
) -> None:
    assert refusal(directory, person(), "Sh0rt-!", current) is Reason.TOO_SHORT


@pytest.mark.parametrize("current", ["", PASSWORD])
def test_a_simple_password_is_refused_for_its_simplicity(
    directory: ActiveDirectory, person: Callable[..., Entry], current: str
) -> None:
    assert refusal(directory, person(), "onlysmallletters", current) is Reason.COMPLEXITY


def test_a_change_to_an_earlier_password_is_refused_as_used_before(
    directory: ActiveDirectory, person: Callable[..., Entry]
) -> None:
    alice = person()
    directory.set_password(alice, NEW, PASSWORD)
    assert refusal(directory, alice, PASSWORD, NEW) is Reason.IN_HISTORY


def test_a_reset_may_set_an_earlier_password_where_the_directory_offers_no_hints(
    directory: ActiveDirectory, person: Callable[..., Entry]
) -> None:
    alice = person()
    directory.set_password(alice, NEW)
    directory.set_password(alice, PASSWORD)
    assert opens(directory, alice, PASSWORD)
    assert not directory.probe().honours_history_on_reset
    assert "history_not_on_reset" in directory.probe().warnings


def test_a_change_too_soon_after_the_last_is_refused_as_too_young_but_a_reset_is_not(strict_domain: Samba) -> None:
    directory = ActiveDirectory(strict_domain.access())
    dn = strict_domain.add_user()
    alice = directory.find(directory.find_anchor(strict_domain.logins[dn]))
    assert refusal(directory, alice, NEW, PASSWORD) is Reason.TOO_YOUNG
    directory.set_password(alice, NEW)
    assert opens(directory, alice, NEW)


def test_a_change_with_a_wrong_password_is_refused_and_counted_by_the_directory(
    directory: ActiveDirectory, person: Callable[..., Entry]
) -> None:
    alice = person()
    assert refusal(directory, alice, NEW, "n0t-Th1s-One") is Reason.WRONG_PASSWORD
    assert directory.find(alice.anchor).tries_left == 4


def test_wrong_passwords_count_down_to_the_lock_and_unlocking_ends_it(
    directory: ActiveDirectory, person: Callable[..., Entry]
) -> None:
    alice = person()
    assert alice.tries_left == 5
    guess_wrong(directory, alice, 2)
    assert directory.find(alice.anchor).tries_left == 3
    guess_wrong(directory, alice, 3)
    locked = directory.find(alice.anchor)
    assert (locked.is_locked, locked.tries_left) == (True, 0)
    assert why_not(directory, alice, PASSWORD) is Reason.LOCKED
    assert refusal(directory, alice, NEW, PASSWORD) is Reason.LOCKED
    directory.unlock(alice)
    open_again = directory.find(alice.anchor)
    assert (open_again.is_locked, open_again.tries_left) == (False, 5)
    assert opens(directory, alice, PASSWORD)


def test_a_reset_alone_does_not_unlock(directory: ActiveDirectory, person: Callable[..., Entry]) -> None:
    alice = person()
    guess_wrong(directory, alice, 5)
    directory.set_password(alice, NEW)
    assert directory.find(alice.anchor).is_locked


def test_unlocking_who_is_not_locked_does_no_harm(directory: ActiveDirectory, person: Callable[..., Entry]) -> None:
    alice = person()
    directory.unlock(alice)
    assert opens(directory, alice, PASSWORD)


def test_must_change_is_asked_for_at_the_next_sign_in(directory: ActiveDirectory, person: Callable[..., Entry]) -> None:
    alice = person()
    directory.require_change(alice)
    assert directory.find(alice.anchor).must_change
    assert why_not(directory, alice, PASSWORD) is Reason.MUST_CHANGE


def test_who_never_needs_a_new_password_is_known(directory: ActiveDirectory, person: Callable[..., Entry]) -> None:
    alice = person(userAccountControl=str(NORMAL | NEVER_EXPIRES))
    assert alice.never_expires
    assert not alice.must_change


def test_an_old_password_is_expired_but_right(
    domain: Samba, directory: ActiveDirectory, person: Callable[..., Entry]
) -> None:
    alice = person()
    domain.age_password(alice.dn, 400)
    assert directory.find(alice.anchor).is_password_expired
    assert why_not(directory, alice, PASSWORD) is Reason.PASSWORD_EXPIRED


def test_an_expired_account_is_said_to_be_so(directory: ActiveDirectory, person: Callable[..., Entry]) -> None:
    alice = person(accountExpires="130000000000000000")
    assert why_not(directory, alice, PASSWORD) is Reason.ACCOUNT_EXPIRED


def test_a_disabled_account_is_known_and_stays_so(directory: ActiveDirectory, person: Callable[..., Entry]) -> None:
    alice = person(userAccountControl=str(NORMAL | DISABLED))
    assert alice.is_disabled
    assert why_not(directory, alice, PASSWORD) is Reason.DISABLED
    directory.set_password(alice, NEW)
    assert directory.find(alice.anchor).is_disabled


def test_who_may_not_change_their_password_is_known_and_refused_the_change(
    domain: Samba, directory: ActiveDirectory, person: Callable[..., Entry]
) -> None:
    alice = person()
    assert not alice.cannot_change
    domain.deny_change(alice.dn)
    alice = directory.find(alice.anchor)
    assert alice.cannot_change
    assert refusal(directory, alice, NEW, PASSWORD) is Reason.CANNOT_CHANGE
    directory.set_password(alice, NEW)
    assert opens(directory, alice, NEW)


def test_people_are_found_after_a_new_name_and_a_move(
    domain: Samba, directory: ActiveDirectory, person: Callable[..., Entry]
) -> None:
    alice = person()
    domain.add(f"dn: OU=Moved,{PEOPLE}\nobjectClass: organizationalUnit\n")
    domain.rename(alice.dn, f"CN=Alice Newname,OU=Moved,{PEOPLE}")
    directory.set_password(alice, NEW)
    moved = directory.find(alice.anchor)
    assert moved.dn == f"CN=Alice Newname,OU=Moved,{PEOPLE}"
    assert opens(directory, moved, NEW)


@pytest.mark.parametrize(
    "name",
    [
        "Doe\\, Jane",
        "\\#hash",
        "a\\+b",
        "\\ lead",
        '\\"quoted\\"',
        "back\\\\slash",
        "Zoë 李",
        "a*b(c)",
        "semi\\;x\\<y\\>",
    ],
)
def test_w2_names_with_reserved_characters_are_names(
    directory: ActiveDirectory, person: Callable[..., Entry], name: str
) -> None:
    somebody = person(name=name)
    directory.set_password(somebody, NEW)
    assert opens(directory, somebody, NEW)
    directory.unlock(somebody)


@pytest.mark.parametrize(
    "login",
    [
        "*",
        "user*",
        ")(uid=*",
        "user1)(objectClass=*",
        "\\2a",
        "\0",
        "admin)(|(x=*",
        "",
        "nobody",
        "a" * 3000,
        "李*",
        "\ud83d",
    ],
)
def test_w2_a_login_is_taken_literally(directory: ActiveDirectory, login: str) -> None:
    with pytest.raises(DirectoryError) as refused:
        directory.find_anchor(login)
    assert refused.value.reason is Reason.NOT_FOUND


@pytest.mark.parametrize("anchor", ["", "alice", "*", "00000000)(x=*", str(uuid.uuid4()), f"CN=Rekey,{PEOPLE}"])
def test_w2_what_is_no_anchor_of_anybody_is_not_found(directory: ActiveDirectory, anchor: str) -> None:
    with pytest.raises(DirectoryError) as refused:
        directory.find(anchor)
    assert refused.value.reason is Reason.NOT_FOUND


def test_people_are_found_by_either_name(domain: Samba, directory: ActiveDirectory) -> None:
    dn = domain.add_user(sAMAccountName="either", userPrincipalName="alice.either@corp.example.test")
    found = directory.find_anchor("either")
    assert directory.find_anchor("Alice.Either@corp.example.test") == found
    assert directory.find(found).dn == dn


def test_a_login_name_that_is_anothers_account_name_leads_to_its_owner(
    domain: Samba, directory: ActiveDirectory
) -> None:
    owner = domain.add_user(userPrincipalName="twofold")
    domain.add_user(sAMAccountName="twofold")
    assert directory.find(directory.find_anchor("twofold")).dn == owner


def test_somebody_outside_of_the_account_s_rights_is_refused_by_the_directory(
    domain: Samba, directory: ActiveDirectory, person: Callable[..., Entry]
) -> None:
    eve = person(place=OUTSIDE)
    assert refusal(directory, eve, NEW) is Reason.NO_RIGHTS
    for write in (directory.unlock, directory.require_change):
        with pytest.raises(DirectoryError) as refused:
            write(eve)
        assert refused.value.reason is Reason.NO_RIGHTS


def test_somebody_outside_of_the_base_is_not_found(domain: Samba, person: Callable[..., Entry]) -> None:
    eve = person(place=OUTSIDE)
    with pytest.raises(DirectoryError) as refused:
        ActiveDirectory(domain.access(base_dn=PEOPLE)).find(eve.anchor)
    assert refused.value.reason is Reason.NOT_FOUND


def test_somebody_who_is_gone_is_not_found(
    domain: Samba, directory: ActiveDirectory, person: Callable[..., Entry]
) -> None:
    alice = person()
    domain.tool("user", "delete", domain.logins[alice.dn])
    with pytest.raises(DirectoryError) as refused:
        directory.find(alice.anchor)
    assert refused.value.reason is Reason.NOT_FOUND
    assert refusal(directory, alice, NEW) is Reason.NOT_FOUND


def test_a_look_says_who_answers_and_that_the_account_could_do_too_much(
    domain: Samba, directory: ActiveDirectory
) -> None:
    probe = directory.probe()
    assert probe.server == f"ldaps://{domain.address}:636"
    assert "Samba" in probe.vendor
    assert "account_is_privileged" not in probe.warnings
    for account in (ADMINISTRATOR, "Administrator@corp.example.test", "CORP\\Administrator"):
        powerful = ActiveDirectory(domain.access(administrator=True, account=account))
        assert "account_is_privileged" in powerful.probe().warnings


def test_a_reset_by_somebody_s_own_policy_is_judged_by_what_can_be_read_of_it(
    domain: Samba, directory: ActiveDirectory, person: Callable[..., Entry]
) -> None:
    alice = person()
    options = ["--min-pwd-length=20", "--account-lockout-threshold=9", "--complexity=on"]
    domain.tool("domain", "passwordsettings", "pso", "create", "strict", "1", *options)
    domain.tool("domain", "passwordsettings", "pso", "apply", "strict", domain.logins[alice.dn])
    assert refusal(directory, alice, NEW) is Reason.POLICY
    assert directory.find(alice.anchor).tries_left == 3
    allowed = ActiveDirectory(domain.access(administrator=True))
    assert refusal(allowed, alice, NEW) is Reason.TOO_SHORT
    assert allowed.find(alice.anchor).tries_left == 9


def test_the_numbers_of_windows_decide_before_those_of_ldap() -> None:
    """Windows itself answers 53 where Samba answers 19."""
    error = LdapError(Reason.UNKNOWN, "53", 53)
    error.windows = 0x775
    assert known_reason(error).reason is Reason.LOCKED
