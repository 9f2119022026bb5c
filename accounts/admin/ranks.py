"""Who may change whom: nobody changes a person of an equal or higher role, or hands out roles by way of groups."""

from collections.abc import Iterable

from accounts.backends import roles_of
from accounts.facts import groups_and_roles
from accounts.models import Group, GroupNesting, RoleAssignment, User
from accounts.roles import RANK, Role

OPERATOR_RANK = 100


def rank_of(person: User) -> int:
    """0 for a person without a role."""
    return OPERATOR_RANK if person.is_platform_operator else _highest(roles_of(person))


def is_global_administrator(person: User) -> bool:
    """Platform operators included."""
    return person.is_platform_operator or Role.GLOBAL_ADMINISTRATOR in roles_of(person)


def may_change(actor: User, person: User) -> bool:
    """Global administrators change each other; everybody else only people of a lower rank."""
    if person.is_platform_operator:
        return actor.is_platform_operator
    return is_global_administrator(actor) or rank_of(actor) > rank_of(person)


def may_change_group(actor: User, group: Group) -> bool:
    """Being in a group that carries a role is having it: whoever fills the group hands the role out."""
    return is_global_administrator(actor) or rank_of(actor) > rank_of_group(group)


def rank_of_group(group: Group) -> int:
    """The highest rank that being in this group gives, by itself or by a group around it."""
    around = _reach({group.pk}, above=True)
    return _highest(RoleAssignment.objects.filter(group_id__in=around).values_list("role", flat=True))


def is_inside(person: User, group: Group) -> bool:
    return group.pk in groups_and_roles([person.pk])[0][person.pk]


def is_filled_by_a_directory(group: Group) -> bool:
    """Whether a directory decides who is in this group, or in one inside it. Such a group may carry no role."""
    inside = groups_inside({group.pk})
    return Group.objects.filter(pk__in=inside, directory__isnull=False).exists()


def groups_inside(groups: set[int]) -> set[int]:
    """These groups and every group inside them: whose members are theirs."""
    return _reach(groups, above=False)


def _highest(roles: Iterable[str]) -> int:
    return max((RANK.get(role, 0) for role in roles), default=0)


def _reach(start: set[int], above: bool) -> set[int]:
    """These groups and all around (or inside) them. Circles end the walk."""
    near, far = ("child_id", "parent_id") if above else ("parent_id", "child_id")
    known, edge = set(start), set(start)
    while edge:
        found = GroupNesting.objects.filter(**{f"{near}__in": edge}).values_list(far, flat=True)
        edge = set(found) - known
        known |= edge
    return known
