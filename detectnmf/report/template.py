"""The look of the page: one skeleton, one style sheet, no scripts, nothing from outside."""

from __future__ import annotations

from string import Template

from detectnmf.report.encode import FONTS

STYLE = f"""
:root {{ --ink:#1c2733; --muted:#6b7785; --line:#e4e8ec; --paper:#ffffff; --ground:#f6f7f8; --accent:#0f766e; --soft:#e6f2f0; }}
* {{ box-sizing:border-box; }}
html {{ -webkit-text-size-adjust:100%; }}
body {{ margin:0; background:var(--ground); color:var(--ink); font:15px/1.55 {FONTS}; font-feature-settings:"tnum" 1; }}
main {{ max-width:1180px; margin:0 auto; padding:40px 28px 72px; }}
h1 {{ font-size:32px; line-height:1.15; letter-spacing:-.022em; font-weight:680; margin:0 0 6px; overflow-wrap:anywhere; }}
h2 {{ font-size:20px; letter-spacing:-.012em; font-weight:650; margin:0 0 4px; }}
h3 {{ font-size:14px; font-weight:620; margin:0 0 8px; }}
p {{ margin:0 0 10px; max-width:78ch; }}
.eyebrow {{ color:var(--accent); font-weight:650; font-size:12.5px; letter-spacing:.06em; text-transform:uppercase; margin:0 0 10px; }}
.muted, .caption {{ color:var(--muted); }}
.caption {{ font-size:13.5px; margin-bottom:16px; }}
section {{ background:var(--paper); border:1px solid var(--line); border-radius:14px; padding:24px 26px 26px; margin-top:20px; }}
.tiles {{ display:grid; grid-template-columns:repeat(auto-fit,minmax(150px,1fr)); gap:1px; background:var(--paper);
 border:1px solid var(--line); border-radius:14px; overflow:hidden; margin-top:26px; }}
.tile {{ box-shadow:0 0 0 1px var(--line); padding:15px 18px 14px; }}
.tile b {{ display:block; font-size:23px; font-weight:650; letter-spacing:-.018em; line-height:1.25; white-space:nowrap; }}
.tile span {{ color:var(--muted); font-size:13px; display:block; }}
.tile em {{ font-style:normal; color:var(--muted); font-size:12.5px; display:block; }}
.pair {{ display:grid; grid-template-columns:repeat(auto-fit,minmax(min(460px,100%),1fr)); gap:22px 34px; }}
.narrow {{ max-width:600px; }}
img {{ display:block; width:100%; height:auto; }}
.two-one {{ display:grid; grid-template-columns:minmax(0,2.6fr) minmax(210px,1fr); gap:34px; }}
.hidden {{ position:absolute; width:0; height:0; }}
.pick {{ position:absolute; opacity:0; pointer-events:none; }}
.fov {{ display:grid; grid-template-columns:minmax(0,1fr) 176px; gap:18px; position:relative; }}
.stage {{ display:flex; justify-content:center; align-self:start; }}
.stage svg {{ display:block; width:100%; height:auto; border-radius:10px; background:#0b0f14; }}
.stage .layer {{ display:none; }}
.pick-0:checked ~ .stage .layer-0, .pick-1:checked ~ .stage .layer-1, .pick-2:checked ~ .stage .layer-2,
.pick-3:checked ~ .stage .layer-3 {{ display:inline; }}
.fov .show-outlines:not(:checked) ~ .stage .outlines, .fov .show-numbers:not(:checked) ~ .stage .numbers,
.fov .show-rejected:not(:checked) ~ .stage .rejected {{ display:none; }}
.side {{ display:flex; flex-direction:column; gap:12px; }}
.thumb {{ cursor:pointer; font-size:13px; color:var(--muted); display:block; }}
.thumb svg {{ display:block; width:100%; max-height:150px; border-radius:8px; outline:2px solid transparent;
 outline-offset:2px; }}
.thumb span {{ display:block; margin-top:5px; }}
.pick-0:checked ~ .side .thumb-0 svg, .pick-1:checked ~ .side .thumb-1 svg, .pick-2:checked ~ .side .thumb-2 svg,
.pick-3:checked ~ .side .thumb-3 svg {{ outline-color:var(--accent); }}
.pick-0:checked ~ .side .thumb-0, .pick-1:checked ~ .side .thumb-1, .pick-2:checked ~ .side .thumb-2,
.pick-3:checked ~ .side .thumb-3 {{ color:var(--ink); font-weight:600; }}
.pick:focus-visible ~ .side {{ outline:2px solid var(--accent); outline-offset:6px; border-radius:4px; }}
.switches {{ display:flex; gap:8px; flex-wrap:wrap; margin-top:2px; }}
.switch {{ cursor:pointer; font-size:12.5px; padding:3px 11px; border:1px solid var(--line); border-radius:99px; color:var(--muted); }}
.show-outlines:checked ~ .side .of-outlines, .show-numbers:checked ~ .side .of-numbers,
.show-rejected:checked ~ .side .of-rejected {{ background:var(--soft); color:var(--accent);
 border-color:transparent; font-weight:600; }}
.numbers text {{ fill:#fff; stroke:rgba(8,12,16,.75); paint-order:stroke; text-anchor:middle; dominant-baseline:central; font-weight:600;
 pointer-events:none; }}
.bar rect {{ fill:#fff; }} .bar text {{ fill:#fff; stroke:rgba(8,12,16,.6); stroke-width:.12em; paint-order:stroke;
 text-anchor:middle; font-weight:600; }}
table {{ border-collapse:collapse; width:100%; font-size:14px; }}
th, td {{ text-align:left; padding:6px 14px 6px 0; border-bottom:1px solid var(--line); vertical-align:top; }}
th {{ color:var(--muted); font-weight:550; font-size:12.5px; white-space:nowrap; }}
tr:last-child td {{ border-bottom:0; }}
td.n, th.n {{ text-align:right; font-variant-numeric:tabular-nums; padding-right:18px; }}
.scroll {{ overflow:auto; max-height:460px; }}
.scroll th {{ position:sticky; top:0; background:var(--paper); }}
.meter {{ height:8px; border-radius:99px; background:#eceff2; overflow:hidden; }}
.meter i {{ display:block; height:100%; border-radius:99px; background:var(--accent); }}
.meters {{ display:grid; grid-template-columns:max-content minmax(60px,1fr) max-content; gap:9px 16px;
 align-items:center; font-size:14px; }}
.meters .n {{ text-align:right; font-variant-numeric:tabular-nums; }}
.meters + .wide {{ margin-top:22px; }}
.dot {{ display:inline-block; width:9px; height:9px; border-radius:99px; margin-right:8px; }}
ul {{ margin:0; padding-left:20px; }} li {{ margin:3px 0; max-width:90ch; }}
summary {{ cursor:pointer; font-weight:600; font-size:14.5px; }} details[open] summary {{ margin-bottom:12px; }}
details + details {{ margin-top:12px; }}
pre {{ font:12.5px/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; background:var(--ground);
 border-radius:10px; padding:14px 16px; overflow:auto; max-height:520px; margin:0; }}
code {{ font:13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; background:var(--ground); padding:1.5px 6px;
 border-radius:5px; }}
.help {{ background:#fff8eb; border-color:#f3dfb5; }}
footer {{ color:var(--muted); font-size:13px; margin-top:26px; }}
@media (max-width:760px) {{
 main {{ padding:26px 16px 48px; }} section {{ padding:18px 16px 20px; }} h1 {{ font-size:25px; }}
 .wide {{ overflow-x:auto; }} .wide img {{ min-width:720px; }}
 .fov, .two-one {{ grid-template-columns:1fr; }} .side {{ flex-direction:row; flex-wrap:wrap; }} .thumb {{ width:calc(25% - 9px); }}
}}
@media print {{ body {{ background:#fff; }} section {{ break-inside:avoid; }} }}
"""

PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$style</style>
</head>
<body>
<main>
$body
<footer>$footer</footer>
</main>
</body>
</html>
""")
