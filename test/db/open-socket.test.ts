import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { openSocket } from '../../src/db/open-socket.ts'

test('a socket that the driver writes nothing to is closed soon; one that it writes to is not', async () => {
  const server = createServer(() => {}).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const at = { host: ['127.0.0.1'], port: [(server.address() as AddressInfo).port] }
  const silent = await openSocket(at)
  const used = await openSocket(at)
  used.write('startup')
  await once(silent, 'close')
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(used.destroyed).toBe(false)
  used.destroy()
  server.close()
})
