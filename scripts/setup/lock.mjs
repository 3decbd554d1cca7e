// One setup at a time per cache: a second one waits, then finds everything made.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Takes the lock, or waits for its holder; returns the function that gives it back. */
export async function takeLock (cache, onWait) {
  const path = join(cache, 'setup.lock')
  const mine = join(cache, `setup.lock.${process.pid}`)
  const content = `${process.pid} ${startOf(process.pid)}`
  writeFileSync(mine, content)
  try {
    for (let told = false; ;) {
      try {
        // link() makes the lock with its content in one step: nobody ever reads an empty one.
        linkSync(mine, path)
        const release = () => { if (read(path) === content) rmSync(path, { force: true }) }
        process.once('exit', release)
        return release
      } catch (error) {
        if (error.code !== 'EEXIST') throw error
      }
      const holder = read(path)
      if (holder !== undefined && !alive(holder)) {
        takeAway(path, holder)
        continue
      }
      if (!told && holder) {
        onWait(holder.split(' ')[0])
        told = true
      }
      await sleep(200)
    }
  } finally {
    rmSync(mine, { force: true })
  }
}

/** Removes a dead holder's lock; if another setup was quicker and it is a live one by now, puts it back. */
function takeAway (path, holder) {
  const aside = `${path}.dead.${process.pid}`
  try {
    renameSync(path, aside)
    if (read(aside) !== holder) linkSync(aside, path)
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error
  }
  rmSync(aside, { force: true })
}

function alive (holder) {
  const [pid, start] = holder.split(' ')
  return startOf(Number(pid)) === start
}

/** Start time in clock ticks since boot: tells a process from a later one with its number. */
function startOf (pid) {
  const stat = read(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? 'gone'
}

function read (path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
