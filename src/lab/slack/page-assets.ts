/** The page's styles. */
export const style = `
:root{color-scheme:light dark;--line:#8884;--soft:#8881}
*{box-sizing:border-box}
body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;max-width:820px;padding:0 16px 90px}
header{align-items:center;border-bottom:1px solid var(--line);display:flex;justify-content:space-between;position:sticky;top:0;background:Canvas;z-index:1}
h1{font-size:18px}h2{font-size:17px;margin:4px 0}p{margin:4px 0;white-space:pre-line}
.message{padding:8px 10px;border-radius:6px;overflow-wrap:anywhere}.message:hover{background:var(--soft)}
.head{display:flex;gap:8px;align-items:center}.app{background:var(--soft);border-radius:3px;font-size:11px;padding:0 4px}
.pin{margin-left:auto;border:0;background:none;opacity:.4;cursor:pointer}
.thread{border-left:3px solid var(--line);margin-left:18px;padding-left:6px}
.fields{display:grid;grid-template-columns:1fr 1fr;gap:6px 16px;margin:6px 0}
small{opacity:.75;font-size:12.5px}.context{display:block}
.actions{display:flex;gap:8px;margin:8px 0}button,.button{border:1px solid var(--line);border-radius:5px;padding:5px 12px;background:Canvas;color:CanvasText;font:inherit;cursor:pointer;text-decoration:none}
.primary{background:#007a5a;color:#fff}.danger{background:#c01343;color:#fff}
.whisper{background:#fbdf8a33;border-radius:6px;margin:6px 0;padding:8px 10px}.mention{background:#fbdf8a66;border-radius:3px}.everybody{outline:2px solid red}
#say{position:fixed;bottom:0;left:0;right:0;margin:auto;max-width:820px;background:Canvas;display:flex;gap:8px;padding:12px 16px}#text{flex:1;padding:8px;font:inherit}
.veil{position:fixed;inset:0;background:#0008;display:grid;place-items:center;z-index:2}
.modal{background:Canvas;border-radius:8px;max-height:90vh;overflow:auto;padding:20px;width:min(520px,94vw)}
.modal label{display:block;margin:10px 0}.modal input:not([type=checkbox]),.modal select,.modal textarea{display:block;width:100%;padding:6px;font:inherit}.modal .actions{justify-content:flex-end}.error{color:#d00;display:block}
`

/** The page's script: asks for what is new, and says what the person does. */
export const script = `
const user = document.getElementById('user'), channel = document.getElementById('channel'), modal = document.getElementById('modal')
let version = 0, asked = 0
user.value = new URLSearchParams(location.search).get('user') ?? user.value
async function follow () {
  const mine = ++asked
  while (mine === asked) {
    try {
      const answer = await (await fetch('/view?user=' + encodeURIComponent(user.value) + '&since=' + version)).json()
      if (mine !== asked) return
      version = answer.version
      if (channel.innerHTML !== answer.channel) channel.innerHTML = answer.channel
      const before = modal.dataset.drawn
      if (before !== answer.modal) { modal.innerHTML = answer.modal; modal.dataset.drawn = answer.modal; modal.querySelector('input,select,textarea')?.focus() }
    } catch { await new Promise(resolve => setTimeout(resolve, 1000)) }
  }
}
const act = (what, given) => fetch('/ui/' + what, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ user: user.value, ...given }) })
user.addEventListener('change', () => { version = 0; follow() })
document.addEventListener('click', event => {
  const button = event.target.closest('button[data-act]')
  if (!button) return
  event.preventDefault()
  const { act: what, ts, action, confirm: question } = button.dataset
  if (question && !confirm(question)) return
  if (what === 'submit') return submit()
  act(what, { ts, action })
})
function submit () {
  const values = {}
  for (const field of modal.querySelectorAll('[name]')) {
    if (field.type === 'checkbox') { if (field.checked) values[field.name] = field.value; else values[field.name] ??= null } else values[field.name] = field.value || null
  }
  act('submit', { values: JSON.stringify(values) })
}
document.addEventListener('change', event => {
  const { dispatch } = event.target.dataset ?? {}
  if (dispatch) act('choose', { block: event.target.name, action: dispatch, value: event.target.value })
})
document.addEventListener('submit', event => {
  event.preventDefault()
  if (event.target.id !== 'say') return submit()
  const text = document.getElementById('text')
  if (text.value.trim()) act('say', { text: text.value })
  text.value = ''
})
follow()
`
