/** Of the page: inside it, so that one file is the whole report. Light and dark, and it prints. */
export const style = `
:root { color-scheme: light dark; --bg: #fff; --fg: #1c2024; --dim: #5c6670; --line: #dfe3e8; --card: #f6f8fa; --good: #17803d; --near: #9a6700; --bad: #c4281c; --detect: #b4690e; --people: #6b7280; --work: #1d63c4; --verify: #17803d; --undo: #7a4fc9 }
@media screen and (prefers-color-scheme: dark) { :root { --bg: #14171a; --fg: #e6e8ea; --dim: #98a2ad; --line: #30363d; --card: #1d2126; --good: #4cc26e; --near: #d8a431; --bad: #ff6a5e; --detect: #e09a4a; --people: #8b949e; --work: #5a9cf2; --verify: #4cc26e; --undo: #ab8df0 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1060px; padding: 0 24px 48px; background: var(--bg); color: var(--fg); font: 15px/1.5 system-ui, sans-serif }
.drill { margin: 0 -24px; padding: 6px 24px; background: #f2c230; color: #1c2024; font-weight: 700; letter-spacing: .12em; text-align: center }
h1 { font-size: 26px; margin: 24px 0 0 } h2 { font-size: 18px; margin: 36px 0 8px; border-bottom: 1px solid var(--line); padding-bottom: 4px }
.sub { color: var(--dim); margin: 2px 0 16px }
.verdict { border-left: 8px solid; padding: 12px 18px; background: var(--card); margin: 12px 0 } .verdict strong { font-size: 24px; display: block }
.passed { border-color: var(--good) } .passed strong { color: var(--good) } .passed-with-findings { border-color: var(--near) } .passed-with-findings strong { color: var(--near) }
.failed, .invalid, .aborted { border-color: var(--bad) } .failed strong, .invalid strong, .aborted strong { color: var(--bad) }
.left { border: 2px solid var(--bad); padding: 10px 16px; margin: 12px 0 } .left h2 { color: var(--bad); margin: 0; border: 0 }
table { border-collapse: collapse; width: 100%; font-size: 14px } th { text-align: left; color: var(--dim); font-weight: 600 } th, td { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top } td { overflow-wrap: break-word } .facts td { overflow-wrap: anywhere } .facts th { white-space: nowrap; width: 1%; padding-right: 24px }
td.num { white-space: nowrap; font-variant-numeric: tabular-nums } .yes { color: var(--good); font-weight: 600 } .no { color: var(--bad); font-weight: 700 } .dim { color: var(--dim) }
.bar { display: block; width: 100%; height: 34px; margin: 8px 0; border-radius: 4px } .bar line { stroke-width: 34px }
line.detect { stroke: var(--detect) } line.work { stroke: var(--work) } line.verify { stroke: var(--verify) } line.undo { stroke: var(--undo) } line.outage { stroke: var(--bad) } line.people, line.waiting { stroke: var(--people); stroke-dasharray: 4 3 }
.key.detect { background: var(--detect) } .key.work { background: var(--work) } .key.verify { background: var(--verify) } .key.undo { background: var(--undo) } .key.outage { background: var(--bad) }
.key.people, .key.waiting { background: repeating-linear-gradient(90deg, var(--people) 0 3px, transparent 3px 5px) }
.key { display: inline-block; width: 12px; height: 12px; margin-right: 6px; vertical-align: -1px } .keys span { margin-right: 22px; white-space: nowrap }
.gantt { font-size: 13px } .gantt div.row { display: grid; grid-template-columns: 300px 1fr; gap: 10px; align-items: center } .gantt .name { white-space: nowrap; overflow: hidden; text-overflow: ellipsis } .gantt .lane { display: block; width: 100%; height: 16px; border-left: 1px solid var(--line) } .gantt .lane line { stroke-width: 12px }
.wide { overflow-x: auto } .chart { display: block; margin-bottom: 12px; width: 100%; min-width: 620px; height: auto } .chart text { font: 12px system-ui, sans-serif; fill: var(--dim) } .chart .grid { stroke: var(--line) }
.chart rect.outage { fill: var(--bad); opacity: .12 } .chart line.waiting { stroke-width: 6px } .chart .look { fill: none; stroke-width: 3.4px; stroke-linecap: round } .chart .course { fill: none; stroke-width: 1.6px } .chart .course.t0 { stroke: var(--work) } .chart .course.t1 { stroke: var(--verify) } .chart .course.t2 { stroke: var(--detect) } .chart .course.bad { stroke: var(--bad); fill: none } .chart .failed { stroke: var(--bad); stroke-width: 1.5px } .chart .bad { fill: var(--bad) } .chart .wait { fill: var(--people) }
.look.t0 { stroke: var(--work) } .look.t1 { stroke: var(--verify) } .look.t2 { stroke: var(--detect) } .look.t3 { stroke: var(--undo) } tspan.t0 { fill: var(--work) } tspan.t1 { fill: var(--verify) } tspan.t2 { fill: var(--detect) } tspan.t3 { fill: var(--undo) }
code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere } .sign td { height: 42px }
@media (max-width: 700px) { td.num, .facts th { white-space: normal } .gantt div.row { grid-template-columns: 120px 1fr } body { padding: 0 12px 32px } .drill { margin: 0 -12px } }
@media print { :root { color-scheme: light } table, .gantt { font-size: 11px } .wide { overflow: visible } .chart { min-width: 0 } body { max-width: none; padding: 0; font-size: 11px } .evidence { break-before: page } h2, tr, .verdict { break-inside: avoid } .drill, .key { print-color-adjust: exact; -webkit-print-color-adjust: exact } .drill { margin: 0 } }
`
