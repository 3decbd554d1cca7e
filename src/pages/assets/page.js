// Keeps a page up to date: its clocks tick, its regions are replaced by what the server draws. Everything works without it, too.
'use strict'

const body = document.body
const contact = document.getElementById('contact')
// The server's clock is the one that counts.
let ahead = Number(body.dataset.now) - Date.now()

/** `mm:ss` or `h:mm:ss`, as everywhere in Muster. */
function clock (ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const two = number => String(number).padStart(2, '0')
  const hours = Math.floor(seconds / 3600)
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return hours > 0 ? `${hours}:${rest}` : rest
}

function tick () {
  const now = Date.now() + ahead
  for (const one of document.querySelectorAll('[data-since]')) {
    const ms = now - Number(one.dataset.since)
    one.textContent = clock(ms)
    const limit = Number(one.dataset.limit)
    if (!limit) continue
    const box = one.closest('[data-level]')
    box.dataset.level = ms > limit ? 'over' : ms >= limit * 0.8 ? 'near' : 'good'
    box.querySelector('.part')?.setAttribute('x2', `${Math.min(100, ms / limit * 100)}%`)
  }
  for (const one of document.querySelectorAll('[data-until]')) {
    const left = Number(one.dataset.until) - now
    one.textContent = left >= 0 ? `(${clock(left)} left)` : `(${clock(-left)} overdue)`
    one.classList.toggle('near', left < 120000)
  }
}

/** What people have written, opened and are at stays as it is. */
function replace (name, html) {
  const region = document.getElementById(name)
  if (!region) return
  const at = document.activeElement
  const focused = at && region.contains(at) ? at : undefined
  const kept = focused ? { id: focused.id, name: focused.name, value: focused.value, form: focused.form?.action, start: focused.selectionStart, end: focused.selectionEnd } : undefined
  const written = new Map([...region.querySelectorAll('textarea')].map(field => [field.id, field]))
  const opened = [...region.querySelectorAll('details[open]')].map(details => details.id)
  region.innerHTML = html
  for (const [id, { value, validity, validationMessage }] of written) {
    const field = document.getElementById(id)
    if (!field) continue
    field.value = value
    if (validity.customError) field.setCustomValidity(validationMessage)
  }
  for (const id of opened) document.getElementById(id)?.setAttribute('open', '')
  if (!kept) return
  const again = kept.id
    ? document.getElementById(kept.id)
    : [...region.querySelectorAll('button, a')].find(one => one.name === kept.name && one.value === kept.value && one.form?.action === kept.form)
  again?.focus({ preventScroll: true })
  if (kept.start !== undefined && kept.start !== null) again?.setSelectionRange?.(kept.start, kept.end)
}

/** On a narrow screen the newest part of a chart is what is seen first. */
function scrollCharts () {
  for (const chart of document.querySelectorAll('[data-region] > .wide')) chart.scrollLeft = chart.scrollWidth
}

/** The form that an address names is open. */
function openNamed () {
  const named = location.hash && document.getElementById(location.hash.slice(1))
  if (named && named.tagName === 'DETAILS') {
    named.open = true
    named.querySelector('textarea')?.focus()
  }
}

function show ({ now, regions }) {
  ahead = now - Date.now()
  const at = document.querySelector('[data-region] > .wide')?.scrollLeft
  for (const [name, html] of Object.entries(regions)) replace(name, html)
  const chart = document.querySelector('[data-region] > .wide')
  if (chart && at !== undefined) chart.scrollLeft = at
  lost(undefined)
  tick()
}

/** Says since when nothing is heard, or no longer. */
function lost (since) {
  contact.hidden = since === undefined
  if (since !== undefined) contact.textContent = `No contact with Muster since ${new Date(since + ahead).toISOString().slice(11, 19)} UTC. Drills go on; trying again.`
}

/**
 * One tab of a browser holds the stream and tells the others: a browser opens only six connections to a server, and a page that
 * is open in fifty tabs must not take them all.
 */
function follow (address) {
  const tabs = new BroadcastChannel(`muster ${address}`)
  let since
  tabs.onmessage = ({ data }) => { hear(data) }
  const tell = message => {
    tabs.postMessage(message)
    hear(message)
  }
  const hear = message => {
    if (message.over) location.replace(location.pathname)
    else if (message.lost) lost(message.lost)
    else if (message.regions) show(message)
    // Somebody new asks for the whole: only who holds the stream can tell.
    else if (message.wanted && whole) tabs.postMessage({ now: Date.now() + ahead, regions: whole })
  }
  let whole
  const hold = () => new Promise(() => {
    let stream
    const open = () => {
      stream = new EventSource(address)
      stream.onopen = () => { since = undefined }
      stream.onmessage = ({ data }) => {
        const message = JSON.parse(data)
        whole = { ...whole, ...message.regions }
        tell(message)
      }
      stream.addEventListener('over', () => {
        stream.close()
        tell({ over: true })
      })
      stream.onerror = () => {
        since ??= Date.now()
        tell({ lost: since })
        // It tries again by itself, unless it was refused.
        if (stream.readyState === EventSource.CLOSED) setTimeout(again, 2000 + Math.random() * 3000)
      }
    }
    // A refusal says nothing of its reason: the page itself is asked, and leads to the sign-in where the session is over.
    const again = async () => {
      const answer = await fetch(location.pathname, { redirect: 'manual', cache: 'no-store' }).catch(() => undefined)
      if (answer?.type === 'opaqueredirect') location.reload()
      else open()
    }
    open()
  })
  // Without locks (plain HTTP from another machine) each tab that is looked at holds a stream of its own.
  if (navigator.locks) navigator.locks.request(`muster ${address}`, hold)
  else hold()
  tabs.postMessage({ wanted: true })
}

/** The page asked anew, while somebody looks at it. */
async function look () {
  if (document.visibilityState !== 'visible') return
  const answer = await fetch(location.href, { cache: 'no-store', redirect: 'manual' }).catch(() => undefined)
  if (answer?.type === 'opaqueredirect') return location.reload()
  if (!answer?.ok) return lost(Date.now())
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html')
  const regions = {}
  for (const region of fresh.querySelectorAll('[data-region]')) {
    const own = document.getElementById(region.id)
    // Somebody is choosing there.
    if (own && !own.contains(document.activeElement) && own.innerHTML !== region.innerHTML) regions[region.id] = region.innerHTML
  }
  show({ now: Number(fresh.body.dataset.now), regions })
}

document.addEventListener('submit', event => {
  const { submitter, target } = event
  const question = submitter?.dataset.confirm
  if (question && !confirm(question)) return event.preventDefault()
  const reason = target.elements.namedItem('reason')
  if (submitter?.value === 'reject' && reason?.value.trim() === '') {
    event.preventDefault()
    reason.setCustomValidity('A rejection must say why')
    reason.reportValidity()
    return
  }
  // A double click sends once; after "back" the button works again.
  if (submitter) setTimeout(() => { submitter.disabled = true })
})
document.addEventListener('input', ({ target }) => target.setCustomValidity?.(''))
addEventListener('pageshow', () => { for (const button of document.querySelectorAll('button:disabled')) button.disabled = false })

addEventListener('hashchange', openNamed)

tick()
scrollCharts()
openNamed()
setInterval(tick, 500)
if (body.dataset.live) follow(body.dataset.live)
if (body.dataset.poll) setInterval(look, Number(body.dataset.poll))
