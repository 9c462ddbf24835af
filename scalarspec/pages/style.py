"""How pages look. All rules begin with a class of ours, so that a notebook around a fragment stays as it is."""

from __future__ import annotations

LIGHT = """--ink: #1d1d20; --soft: #5a5a63; --paper: #ffffff; --line: #d5d5da; --fill: #f4f4f6;
--good: #0b6b3f; --bad: #a40000; --open: #7d5200; --blue: #0064a8; --orange: #a65300; --bar: #c4c9d1;"""
DARK = """--ink: #ececef; --soft: #a9a9b3; --paper: #18181b; --line: #3c3c43; --fill: #242428;
--good: #5fd39a; --bad: #ff8a80; --open: #f0b849; --blue: #6cb8f5; --orange: #f5a04c; --bar: #565d68;"""
SHARED = (
    f".scalarspec {{ {LIGHT} }}\n"
    f"@media screen and (prefers-color-scheme: dark) {{ .scalarspec {{ {DARK} }} }}"
    """
.scalarspec { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); padding: 1em;
  overflow-wrap: anywhere; box-sizing: border-box; max-width: 60em; }
.scalarspec .title, .scalarspec .heading { color: var(--ink); font-family: inherit; }
.scalarspec .title { font-size: 1.35em; line-height: 1.25; margin: 0 0 .6em; font-weight: 650; }
.scalarspec .heading { font-size: 1.05em; margin: 1.8em 0 .5em; font-weight: 650; }
.scalarspec .verdict { border-left: .3em solid var(--soft); background: var(--fill); padding: .6em .9em;
  margin: 0 0 1em; }
.scalarspec .verdict b { margin-right: .4em; }
.scalarspec .good { border-color: var(--good); } .scalarspec .good b { color: var(--good); }
.scalarspec .bad { border-color: var(--bad); } .scalarspec .bad b { color: var(--bad); }
.scalarspec .open { border-color: var(--open); } .scalarspec .open b { color: var(--open); }
.scalarspec .lines { list-style: none; margin: 0 0 1em; padding: 0; color: var(--ink); }
.scalarspec .wide { overflow-x: auto; }
.scalarspec table { border-collapse: collapse; border: 0; margin: 0; font-size: 14px;
  font-variant-numeric: tabular-nums; }
.scalarspec th, .scalarspec td { text-align: left; vertical-align: top; padding: .3em 1.2em .3em 0; color: var(--ink);
  background: none; border: 0; border-bottom: 1px solid var(--line); overflow-wrap: normal; max-width: 34em; }
.scalarspec thead th { color: var(--soft); font-weight: 600; white-space: nowrap; }
.scalarspec .short { white-space: nowrap; } .scalarspec tbody th { font-weight: 600; }
.scalarspec tr.marked th, .scalarspec tr.marked td { color: var(--bad); font-weight: 600; }
.scalarspec figure { margin: 0; }
.scalarspec figcaption { color: var(--soft); font-size: 13px; margin-top: .3em; }
.scalarspec figcaption span { white-space: nowrap; margin-right: 1.2em; }
.scalarspec svg { display: block; width: 100%; overflow: visible; font: 12px system-ui, sans-serif; fill: var(--ink); }
.scalarspec svg line { stroke: var(--line); } .scalarspec svg line.zero { stroke: var(--soft); stroke-dasharray: 4 3; }
.scalarspec svg .soft { fill: var(--soft); }
.scalarspec .bar { fill: var(--bar); color: var(--soft); } .scalarspec rect.bar { stroke: var(--soft); }
.scalarspec .ink { fill: var(--ink); color: var(--ink); }
.scalarspec .blue { fill: var(--blue); color: var(--blue); }
.scalarspec .orange { fill: var(--orange); color: var(--orange); }
.scalarspec .panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(15em, 1fr)); gap: 1em; }
.scalarspec details { margin-top: 2em; } .scalarspec summary { cursor: pointer; color: var(--soft); }
.scalarspec pre { background: var(--fill); color: var(--ink); padding: 1em; overflow-x: auto; font-size: 12px;
  overflow-wrap: normal; }
@media print { .scalarspec { font-size: 11pt; padding: 0; } .scalarspec .wide { overflow: visible; }
  .scalarspec table { font-size: 9pt; } .scalarspec th, .scalarspec td { padding-right: .8em; }
  .scalarspec tr, .scalarspec figure, .scalarspec .verdict { break-inside: avoid; }
  .scalarspec .heading { break-after: avoid; } .scalarspec details:not([open]) { display: none; }
  .scalarspec .verdict, .scalarspec svg, .scalarspec pre { print-color-adjust: exact; } }
"""
)
"""The rules of a page and of a fragment."""
FRAME = """
html { color-scheme: light dark; background: Canvas; }
body { margin: 0; } body > .scalarspec { margin: 0 auto; padding: 1.5em 1em 3em; }
@media screen and (prefers-color-scheme: dark) { html { background: #18181b; } }
@media screen and (prefers-color-scheme: light) { html { background: #ffffff; } }
@page { margin: 18mm; }
"""
"""The rules of a page that stands by itself."""
