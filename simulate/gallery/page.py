"""index.html: all pages with their captions. It needs the PNGs beside it and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from string import Template

from detectnmf.io.atomic import replacing


@dataclass(frozen=True)
class Page:
    """One PNG of the gallery.

    Args:
        title: above it. file: its name in the folder. caption: below the title.
        section: the heading that it stands under. command: what to type for a movie like this.
        options: what is drawn, by name, and what is known about it.
    """

    title: str
    file: str
    caption: str
    section: str
    command: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


STYLE = """
:root { --ink:#1c2733; --muted:#5c6875; --line:#e4e8ec; --accent:#0f766e; --ground:#f6f7f8; }
* { box-sizing:border-box; }
body { margin:0; background:var(--ground); color:var(--ink);
 font:15px/1.55 Inter, 'Segoe UI', system-ui, -apple-system, 'Helvetica Neue', Arial, sans-serif; }
main { max-width:1500px; margin:0 auto; padding:36px 28px 72px; }
h1 { font-size:30px; letter-spacing:-.02em; margin:0 0 6px; }
h2 { font-size:13px; letter-spacing:.06em; text-transform:uppercase; color:var(--accent); margin:34px 0 0; }
h3 { font-size:19px; letter-spacing:-.01em; margin:0 0 4px; }
p { margin:0 0 8px; max-width:110ch; } .muted { color:var(--muted); }
nav { line-height:2; } nav b { color:var(--accent); font-weight:600; margin-right:6px; } nav a { margin-right:12px; white-space:nowrap; }
a { color:inherit; text-decoration-color:#b9c4cc; text-underline-offset:3px; }
section { background:#fff; border:1px solid var(--line); border-radius:12px; padding:20px 22px; margin-top:14px; overflow-x:auto; }
img { display:block; max-width:100%; height:auto; margin-top:10px; }
code { font:13px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; background:var(--ground);
 padding:2px 7px; border-radius:5px; overflow-wrap:anywhere; }
dl { display:grid; grid-template-columns:max-content 1fr; gap:1px 14px; margin:0 0 8px; font-size:13.5px; max-width:125ch; }
dt { font-weight:600; } dd { margin:0; color:var(--muted); }
ul { margin:0; padding-left:20px; } li { margin:3px 0; max-width:120ch; }
"""
WHOLE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>detectnmf: gallery of the simulator</title>
<style>$style</style>
</head>
<body>
<main>
<h1>Gallery of the simulator</h1>
<p class="muted">$about</p>
<nav>
$nav
</nav>
$body
</main>
</body>
</html>
""")


def write_index(pages: Sequence[Page], left_out: Mapping[str, str], about: str, path: Path) -> None:
    """The pages in their order, under the headings of their sections; then what was left out, and why."""
    nav, body = [], []
    for section in dict.fromkeys(page.section for page in pages):
        mine = [page for page in pages if page.section == section]
        links = " ".join(f'<a href="#{anchor(page)}">{escape(page.title)}</a>' for page in mine)
        nav.append(f"<div><b>{escape(section)}</b>{links}</div>")
        body.append(f"<h2>{escape(section)}</h2>")
        body += [_section(page) for page in mine]
    if left_out:
        items = "\n".join(f"<li><code>{escape(what)}</code> {escape(why)}</li>" for what, why in left_out.items())
        body.append(f'<h2>Left out</h2>\n<section id="left-out">\n<ul>\n{items}\n</ul>\n</section>')
        nav.append('<div><a href="#left-out">Left out</a></div>')
    text = WHOLE.substitute(style=STYLE, about=escape(about), nav="\n".join(nav), body="\n".join(body))
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def anchor(page: Page) -> str:
    return escape(page.file.removesuffix(".png"), quote=True)


def _section(page: Page) -> str:
    lines = [f'<section id="{anchor(page)}">', f"<h3>{escape(page.title)}</h3>"]
    lines += [f"<p>{escape(line)}</p>" for line in page.caption.splitlines() if line]
    if page.options:
        items = (f"<dt>{escape(name)}</dt><dd>{escape(about)}</dd>" for name, about in page.options.items())
        lines.append(f"<dl>{''.join(items)}</dl>")
    if page.command:
        lines.append(f"<p><code>{escape(page.command)}</code></p>")
    file = escape(page.file, quote=True)
    return "\n".join([*lines, f'<a href="{file}"><img src="{file}" alt="{escape(page.title, quote=True)}"></a>', "</section>"])
