"""Templates kept once per language, with their fixed texts already in it: a page looks up only what differs."""

from django.template.base import Node, NodeList, Origin, Template, TextNode
from django.template.context import Context
from django.template.loaders import cached
from django.template.loaders.base import Loader
from django.templatetags.i18n import BlockTranslateNode, TranslateNode
from django.utils.translation import get_language


class _Written(Loader):
    """Compiles a template and writes its fixed texts in the language that is active."""

    def get_template(self, template_name: str, skip: list[Origin] | None = None) -> Template:
        template = super().get_template(template_name, skip)
        context = Context()
        with context.bind_template(template):
            write_texts(template.nodelist, context)
        return template


class PerLanguage(cached.Loader, _Written):
    """Django's cached loader, with one copy for each language. A copy is only for pages of its language."""

    def cache_key(self, template_name: str, skip: list[Origin] | None = None) -> str:
        return f"{get_language()}/{super().cache_key(template_name, skip)}"


def write_texts(nodes: NodeList, context: Context) -> None:
    """Put every text that depends on the language alone in the place of its tag, here and in all that is inside."""
    written: list[Node] = []
    for node in nodes:
        if _is_fixed(node):
            node = TextNode(node.render(context))
        if isinstance(node, TextNode) and written and isinstance(written[-1], TextNode):
            written[-1] = TextNode(written[-1].s + node.s)
        else:
            written.append(node)
        for inner in _inside(node):
            write_texts(inner, context)
    nodes[:] = written


def _is_fixed(node: Node) -> bool:
    if isinstance(node, TranslateNode):
        expression = node.filter_expression
        is_plain = not expression.filters and isinstance(getattr(expression.var, "literal", None), str)
        return is_plain and not (node.asvar or node.message_context)
    if isinstance(node, BlockTranslateNode):
        varies = node.extra_context or node.plural or node.asvar or node.message_context
        return not varies and all(token.token_type.name == "TEXT" for token in node.singular)
    return False


def _inside(node: Node) -> list[NodeList]:
    """The lists of nodes that a tag keeps; `if` makes its own up anew each time it is asked, out of its branches."""
    if branches := getattr(node, "conditions_nodelists", None):
        return [nodes for _condition, nodes in branches]
    return [nodes for name in node.child_nodelists if isinstance(nodes := getattr(node, name, None), NodeList)]
