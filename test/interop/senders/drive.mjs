// Records numbered events with a module of docs/senders, as an application would, and says when:
// drive.mjs <module> <name> <count> <milliseconds>.
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const [module, name, count, interval] = process.argv.slice(2)
const { record, close } = await import(pathToFileURL(module).href)
const start = Date.now()
for (let n = 1; n <= Number(count); n++) {
  await sleep(Math.max(0, start + n * Number(interval) - Date.now()))
  const now = new Date()
  const id = `${name}-${String(n).padStart(5, '0')}`
  console.log(`recorded ${id} at ${now.getTime()}`)
  await record({
    id,
    time: now.toISOString(),
    action: 'invoice.pay',
    outcome: 'success',
    actor: { id: 'anna@example.org', type: 'user' },
  })
}
await close()
