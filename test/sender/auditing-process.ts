// A process that records as fast as it can, to be killed: node auditing-process.ts <url> <spool>. Says on stdout what was accepted.
import { createSender } from '../../src/sender/index.ts'

const [url = '', spool = ''] = process.argv.slice(2)
const sender = await createSender({
  url,
  spool,
  key: 'k',
  whenFull: 'refuse',
  flushInterval: 5,
  batch: 100,
  onProblem: () => undefined,
})
const name = process.pid
async function record(worker: number): Promise<void> {
  for (let n = 0; ; n++) {
    const id = `${name}-${worker}-${n}`
    await sender.audit({ id, action: 'test.kill', outcome: 'success', message: ' '.repeat(n % 2_000) })
    process.stdout.write(`${id}\n`)
  }
}
await Promise.all([0, 1, 2, 3].map(record))
