/** Of the page: inside it, so that one file is the whole report. Light and dark, and it prints. */
export const style = `
:root { color-scheme: light dark; --bg: #fff; --fg: #1c2024; --dim: #5c6670; --line: #dfe3e8; --card: #f6f8fa; --good: #17803d; --near: #9a6700; --bad: #c4281c; --detect: #b4690e; --people: #6b7280; --work: #1d63c4; --verify: #17803d; --undo: #7a4fc9 }
@media (prefers-color-scheme: dark) { :root { --bg: #14171a; --fg: #e6e8ea; --dim: #98a2ad; --line: #30363d; --card: #1d2126; --good: #4cc26e; --near: #d8a431; --bad: #ff6a5e; --detect: #e09a4a; --people: #8b949e; --work: #5a9cf2; --verify: #4cc26e; --undo: #ab8df0 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1060px; padding: 0 24px 48px; background: var(--bg); color: var(--fg); font: 15px/1.5 system-ui, sans-serif }
.drill { margin: 0 -24px; padding: 6px 24px; background: #f2c230; color: #1c2024; font-weight: 700; letter-spacing: .12em; text-align: center }
h1 { font-size: 26px; margin: 24px 0 0 } h2 { font-size: 18px; margin: 36px 0 8px; border-bottom: 1px solid var(--line); padding-bottom: 4px }
.sub { color: var(--dim); margin: 2px 0 16px }
.verdict { border-left: 8px solid; padding: 12px 18px; background: var(--card); margin: 12px 0 } .verdict strong { font-size: 24px; display: block }
.passed { border-color: var(--good) } .passed strong { color: var(--good) } .passed-with-findings { border-color: var(--near) } .passed-with-findings strong { color: var(--near) }
.failed, .invalid, .aborted { border-color: var(--bad) } .failed strong, .invalid strong, .aborted strong { color: var(--bad) }
.left { border: 2px solid var(--bad); padding: 10px 16px; margin: 12px 0 } .left h2 { color: var(--bad); margin: 0; border: 0 }
table { border-collapse: collapse; width: 100%; font-size: 14px } th { text-align: left; color: var(--dim); font-weight: 600 } th, td { padding: 5px 10px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere }
td.num { white-space: nowrap; font-variant-numeric: tabular-nums } .yes { color: var(--good); font-weight: 600 } .no { color: var(--bad); font-weight: 700 } .dim { color: var(--dim) }
.bar { display: flex; height: 34px; border-radius: 4px; overflow: hidden; margin: 8px 0 } .bar div { min-width: 3px }
.detect { background: var(--detect) } .work { background: var(--work) } .verify { background: var(--verify) } .undo { background: var(--undo) } .outage { background: var(--bad) }
.people, .waiting { background: repeating-linear-gradient(45deg, var(--people) 0 5px, transparent 5px 9px); border: 1px solid var(--people) }
.key { display: inline-block; width: 12px; height: 12px; margin-right: 6px; vertical-align: -1px } .keys span { margin-right: 22px; white-space: nowrap }
.gantt { font-size: 13px } .gantt div.row { display: grid; grid-template-columns: 300px 1fr; gap: 10px; align-items: center } .gantt .name { white-space: nowrap; overflow: hidden; text-overflow: ellipsis } .gantt .lane { position: relative; height: 16px; border-left: 1px solid var(--line) } .gantt .lane div { position: absolute; top: 2px; height: 12px; min-width: 2px; border-radius: 2px }
svg { width: 100%; height: auto } svg text { font: 11px system-ui, sans-serif; fill: var(--dim) }
code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere } .sign td { height: 42px }
@media (max-width: 700px) { .gantt div.row { grid-template-columns: 120px 1fr } body { padding: 0 12px 32px } .drill { margin: 0 -12px } }
@media print { body { max-width: none; padding: 0; font-size: 11px } .evidence { break-before: page } h2, tr, .verdict { break-inside: avoid } .drill, .bar div, .lane div, .key { print-color-adjust: exact; -webkit-print-color-adjust: exact } .drill { margin: 0 } }
`
