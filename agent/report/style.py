"""The report's style sheet: calm, for phone, desk and paper, in light and dark; nothing is fetched."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark;
  --ground: #faf9f6; --card: #ffffff; --ink: #1c2530; --soft: #586472; --line: #dcdad3; --accent: #0b6481;
  --track: #0b6f93; --inside: #f4f2ea; --outside: #dfddd5; --hatch: #7d5a8c; --hatch-ground: #ece4ef;
  --ok: #2f6b45; --no: #a13a2c; --s1: #e3a008; --s2: #d1540f; --s3: #b3261e; --s4: #7a1030; --s0: #8a8f98; }
@media (prefers-color-scheme: dark) { :root {
  --ground: #12161b; --card: #1a2027; --ink: #e6e9ec; --soft: #9aa6b2; --line: #313a44; --accent: #6cc3e0;
  --track: #57b9dc; --inside: #202830; --outside: #12161b; --hatch: #b48fc4; --hatch-ground: #33293a;
  --ok: #7fc79a; --no: #ee9485; --s1: #f0b93a; --s2: #ef7d3b; --s3: #e5574e; --s4: #d9497f; --s0: #99a0a8;
    } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "Noto Sans", "Liberation Sans", "DejaVu Sans", sans-serif; }
main { max-width: 56rem; margin: 0 auto; padding: 2.2rem 1.2rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .6rem; letter-spacing: -.01em; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .7rem; }
h3 { font-size: 1.02rem; margin: 0 0 .5rem; }
p { margin: .4rem 0 .8rem; max-width: 46rem; }
.soft, figcaption, caption { color: var(--soft); }
.paper { display: inline-block; margin: 0 0 1rem; padding: .1rem .7rem; border: 1px solid var(--line);
  border-radius: 1rem; font-size: .85rem; color: var(--soft); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: .7rem;
  margin: 1.3rem 0; padding: 0; }
.figures div { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: .7rem .9rem; }
.figures dt { color: var(--soft); font-size: .85rem; }
.figures dd { margin: 0; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
figure { margin: 0; }
svg.map { display: block; width: 100%; height: auto; border: 1px solid var(--line); border-radius: .6rem; }
svg text { fill: var(--ink);
  font: 13px system-ui, -apple-system, "Noto Sans", "Liberation Sans", "DejaVu Sans", sans-serif; }
.outside { fill: var(--outside); }
.inside { fill: var(--inside); stroke: var(--soft); stroke-width: 1.2; stroke-dasharray: 6 4; }
.hatch-ground { fill: var(--hatch-ground); } .hatch-line { fill: var(--hatch); }
.margin { fill: none; stroke: var(--hatch-ground); stroke-linejoin: round; }
.off-limits { fill: url(#hatch); stroke: var(--hatch); stroke-width: 1.3; }
svg text.name { fill: var(--ink); stroke: var(--inside); stroke-width: 3.5px; paint-order: stroke;
  stroke-linejoin: round; }
.track { fill: none; stroke: var(--track); stroke-width: 2.2; stroke-linejoin: round;
  stroke-linecap: round; }
.end { fill: var(--card); stroke: var(--track); stroke-width: 1.2; }
.cell { stroke-width: 1.2; fill-opacity: .55; }
.s0 { fill: var(--s0); stroke: var(--s0); } .s1 { fill: var(--s1); stroke: var(--s1); }
.s2 { fill: var(--s2); stroke: var(--s2); } .s3 { fill: var(--s3); stroke: var(--s3); }
.s4 { fill: var(--s4); stroke: var(--s4); }
.lifts { fill: var(--ok); } .l1 { fill-opacity: .12; } .l2 { fill-opacity: .24; }
.l3 { fill-opacity: .38; } .l4 { fill-opacity: .55; }
.stop { fill: var(--ink); stroke: var(--inside); stroke-width: .8; }
.report { fill: var(--card); stroke: var(--accent); stroke-width: 2; }
.call { fill: none; stroke: var(--no); stroke-width: 3; }
.site { fill: var(--accent); fill-opacity: .08; stroke: var(--accent); stroke-width: 1.2; }
.scale path { fill: none; stroke: var(--ink); stroke-width: 1.6; } .north path { fill: var(--ink); }
.overview { width: 11rem; height: auto; border: 1px solid var(--line); border-radius: .4rem; flex: none; }
.overview .inside { stroke-width: .8; stroke-dasharray: 3 2; }
.here { fill: var(--track); fill-opacity: .18; stroke: var(--track); stroke-width: 1.6; }
figcaption { display: flex; flex-wrap: wrap; gap: .8rem 1.6rem; align-items: flex-start; margin-top: .7rem;
  font-size: .9rem; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.3rem; margin: 0; padding: 0; list-style: none;
  flex: 1 1 16rem; }
.legend li { display: flex; align-items: center; gap: .5rem; }
.legend svg { width: 1.5rem; height: 1rem; flex: none; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-size: .9rem; padding-bottom: .4rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem .8rem .45rem 0;
  border-bottom: 1px solid var(--line); }
thead th { font-size: .83rem; font-weight: 600; color: var(--soft); white-space: nowrap; }
th[scope=row] { font-weight: 600; }
.number { text-align: right; white-space: nowrap; }
td small, th small { display: block; color: var(--soft); font-weight: 400; font-size: .85rem; }
.question { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1rem 1.1rem; margin: 0 0 .9rem; }
.question dl { display: grid; grid-template-columns: 8.5rem 1fr; gap: .3rem 1rem; margin: .5rem 0 0; }
.question dt { color: var(--soft); } .question dd { margin: 0; }
.question dt.yes { color: var(--ok); } .question dt.no { color: var(--no); }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: .88rem;
  color: var(--soft); overflow-wrap: anywhere; }
@media (max-width: 38rem) {
  main { padding: 1.4rem .9rem 3rem; } h1 { font-size: 1.45rem; }
  svg.map text { font-size: 26px; } .track { stroke-width: 3.4; } .end { stroke-width: 2; }
  .question dl { grid-template-columns: 1fr; gap: 0; } .question dd { margin-bottom: .5rem; }
  .stack thead { position: absolute; clip-path: inset(50%); height: 1px; overflow: hidden; }
  .stack tr { display: block; padding: .6rem 0; border-bottom: 1px solid var(--line); }
  .stack th, .stack td { display: flex; justify-content: space-between; gap: 1rem; padding: .12rem 0;
    border: 0; white-space: normal; }
  .stack th { display: block; padding-bottom: .3rem; }
  .stack td::before { content: attr(data-label); color: var(--soft); white-space: nowrap; }
  .stack td { text-align: right; }
}
@media print {
  :root { --ground: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --accent: #000;
    --track: #0b5f80;
    --inside: #fff; --outside: #e9e9e9; --hatch: #7d5a8c; --hatch-ground: #f3eef5; --ok: #1f5a34;
    --no: #8a2a1e; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  main { max-width: none; padding: 0; } h2 { break-after: avoid;
    } figure, .question, tr { break-inside: avoid; }
}
"""
