// A Postgres that a test can take away and give back, at one address: a TCP proxy before the real one.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'

export interface PostgresProxy {
  /** The database's URL, through the proxy. */
  readonly url: string
  /** Breaks every connection and refuses new ones. */
  down(): Promise<void>
  up(): Promise<void>
}

export async function proxyTo(databaseUrl: string): Promise<PostgresProxy> {
  const target = new URL(databaseUrl)
  const socketDir = target.searchParams.get('host')
  const open = new Set<Socket>()
  let server: Server | undefined
  let port = 0

  function accept(client: Socket): void {
    const upstream = socketDir
      ? connect(join(socketDir, `.s.PGSQL.${target.port || '5432'}`))
      : connect(Number(target.port || '5432'), target.hostname)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(from)
      from.setNoDelay(true)
      from.pipe(to)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        open.delete(from)
        to.destroy()
      })
    }
  }

  async function up(): Promise<void> {
    server = createServer(accept)
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    ;({ port } = server.address() as AddressInfo)
  }

  await up()
  const url = new URL(databaseUrl)
  url.searchParams.delete('host')
  url.hostname = '127.0.0.1'
  url.port = String(port)
  return {
    url: url.href,
    up,
    async down() {
      if (server === undefined) return
      const closed = once(server, 'close')
      server.close()
      for (const socket of open) socket.destroy()
      await closed
      server = undefined
    },
  }
}
