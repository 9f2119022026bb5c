"""The rights that the service account of a directory needs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.management.tenancy import UNUSABLE, add_tenant_argument, get_tenant
from writeback.connectors import acl
from writeback.connectors.base import Kind
from writeback.management.naming import get_connector


class Command(BaseCommand):
    help = (
        "Run this before a directory is connected, and give what it prints to the directory's administrator: the exact rights "
        "that the service account needs and no others, as dsacls and samba-tool for Active Directory, as LDIF for OpenLDAP and "
        "389 Directory Server. It changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", metavar="DIRECTORY", help="name of the directory")
        parser.add_argument("--account", metavar="DN", help="the service account; that of the connector if left out")
        parser.add_argument("--ou", metavar="DN", help="where the people are; the connector's base DN if left out")
        parser.add_argument("--login", default=acl.Wanted.login, help=r"the account as Windows writes it: CORP\rekey")
        add_tenant_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        connector = get_connector(get_tenant(options["tenant"]), options["directory"])
        account, ou = options["account"] or connector.account, options["ou"] or connector.base_dn
        if not account or not ou:
            raise CommandError("Give --account and --ou: the connector doesn't say them.", returncode=UNUSABLE)
        try:
            text = acl.rights(Kind(connector.directory.kind), acl.Wanted(account, ou, options["login"]))
        except acl.Unprintable as error:
            problem = f"{error} can't be written safely into a command."
            raise CommandError(problem, returncode=UNUSABLE) from None
        self.stdout.write(text)
