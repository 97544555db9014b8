"""Markdown into HTML and into plain text, once per template.

One convention is ours: a paragraph that holds nothing but a bold link is a button. Raw HTML is not read as HTML.
"""

from collections.abc import Sequence
from typing import Any, Final

from jinja2 import TemplateSyntaxError
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from markdown_it.utils import OptionsDict

from nurture.adapters.mail.links import Links
from nurture.adapters.mail.slots import MARK, STATEMENTS_ONLY

_BUTTON: Final = (
    '<table role="presentation" class="button" cellpadding="0" cellspacing="0" border="0"><tr><td>{}</td></tr></table>\n'
)


class _Markdown(MarkdownIt):
    """CommonMark that lets every address pass with its marks; `Links` judges them."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False})
        self.block.ruler.before("code", "statement", _statement, {"alt": ["paragraph", "reference", "blockquote", "list"]})
        self.add_render_rule("statement", _render_statement)

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - the library's name
        pieces, end = [], 0
        for mark in MARK.finditer(url):
            pieces += [super().normalizeLink(url[end : mark.start()]), mark[0]]
            end = mark.end()
        return "".join([*pieces, super().normalizeLink(url[end:])])

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 - the library's names
        return True


def _statement(state: StateBlock, line: int, _end: int, silent: bool) -> bool:  # noqa: FBT001 - called by the library
    """A line of statements stands between blocks."""
    text = state.src[state.bMarks[line] : state.eMarks[line]]
    if state.is_code_block(line) or not STATEMENTS_ONLY.match(text):
        return False
    if not silent:
        token = state.push("statement", "", 0)
        token.map, token.content = [line, line + 1], text.strip()
        state.line = line + 1
    return True


def _render_statement(_self: RendererHTML, tokens: Sequence[Token], index: int, _options: OptionsDict, _env: Any) -> str:
    return f"{tokens[index].content}\n"


class Rendered:
    """One Markdown text, its links routed."""

    def __init__(self, marked: str, links: Links) -> None:
        self._markdown = _Markdown()
        self._tokens = self._markdown.parse(marked)
        for block in self._tokens:
            line = block.map[0] + 1 if block.map else 1
            for token in block.children or []:
                _route(token, links, line)

    def html(self) -> str:
        """HTML blocks."""
        return "".join(self._html_block(node) for node in SyntaxTreeNode(self._tokens).children)

    def text(self, colon: str) -> str:
        """Plain text with one long line per paragraph, for `plain.wrap` to break after the values are in.

        A `colon` as the language writes it stands between the words of a call to action and its address.
        """
        return _TextWriter(colon).blocks(SyntaxTreeNode(self._tokens), "\n\n")

    def _html_block(self, node: SyntaxTreeNode) -> str:
        button = _button(node)
        tokens = (button or node).to_tokens()
        html = str(self._markdown.renderer.render(tokens, self._markdown.options, {}))
        return _BUTTON.format(html) if button else html


def _route(token: Token, links: Links, line: int) -> None:
    if token.type == "link_open":
        token.attrs["href"] = links.mark(str(token.attrs["href"]), line)
    elif token.type == "image" and not str(token.attrs["src"]).startswith("https://"):
        raise TemplateSyntaxError(
            f"the image {token.attrs['src']!r} cannot be fetched from a mail; write https://… in full", line
        )
    elif token.type == "image" and not token.content:
        raise TemplateSyntaxError(
            "an image without alternative text says nothing to many readers; write ![what it shows](…)", line
        )


def _only_child(node: SyntaxTreeNode | None, kind: str) -> SyntaxTreeNode | None:
    if node is None:
        return None
    children = [child for child in node.children if child.type != "text" or child.content.strip()]
    return children[0] if len(children) == 1 and children[0].type == kind else None


def _button(node: SyntaxTreeNode) -> SyntaxTreeNode | None:
    """The inline content of a paragraph that is a button, else None."""
    if node.type != "paragraph":
        return None
    inline = _only_child(node, "inline")
    return inline if _only_child(_only_child(inline, "strong"), "link") else None


class _TextWriter:
    """Blocks as plain text."""

    def __init__(self, colon: str) -> None:
        self._colon = colon

    def blocks(self, node: SyntaxTreeNode, between: str) -> str:
        return between.join(self._block(child) for child in node.children)

    def _block(self, node: SyntaxTreeNode) -> str:
        match node.type:
            case "paragraph":
                return self._paragraph(node.children[0])
            case "heading":
                return _inline(node.children[0])
            case "bullet_list" | "ordered_list":
                return self._list(node)
            case "blockquote":
                return _indented(self.blocks(node, "\n\n"), "> ")
            case "code_block" | "fence":
                return _indented(node.content.rstrip("\n"), "    ")
            case "hr":
                return "* * *"
            case "statement":
                return node.content
        return self.blocks(node, "\n\n")

    def _paragraph(self, inline: SyntaxTreeNode) -> str:
        link = _only_child(_only_child(inline, "strong"), "link") or _only_child(inline, "link")
        if link is None or link.info == "auto":
            return _inline(inline)
        label = _inline(link)
        return f"{label}{'' if label.endswith((':', '!', '?', '.', '…')) else self._colon}\n{link.attrs['href']}"

    def _list(self, node: SyntaxTreeNode) -> str:
        number = int(node.attrs.get("start", 1))
        tight = all(block.hidden for item in node.children for block in item.children if block.type == "paragraph")
        between = "\n" if tight else "\n\n"
        items = []
        for index, item in enumerate(node.children):
            lead = f"{number + index}. " if node.type == "ordered_list" else "- "
            items.append(lead + _indented(self.blocks(item, between), " " * len(lead)).lstrip())
        return between.join(items)


def _indented(text: str, lead: str) -> str:
    return "\n".join(f"{lead}{line}".rstrip() for line in text.split("\n"))


def _inline(node: SyntaxTreeNode) -> str:
    return "".join(_inline_part(child) for child in node.children)


def _inline_part(node: SyntaxTreeNode) -> str:
    match node.type:
        case "softbreak":
            return " "
        case "hardbreak":
            return "\n"
        case "text" | "code_inline":
            return node.content
        case "image":
            return f"[{node.content}]"
        case "link" if node.info == "auto":
            return str(node.attrs["href"])
        case "link":
            return f"{_inline(node)} ({node.attrs['href']})"
    return _inline(node)
