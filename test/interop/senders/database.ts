// A Postgres that really stops and starts again, and is found at the same address afterwards.
import { rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type Embedded, startEmbedded } from '../../../src/db/embedded.ts'

export interface StoppableDatabase {
  /** The owner's. */
  readonly url: string
  /** Fast shutdown: every connection is broken, and new ones are refused. */
  stop(): Promise<void>
  start(): Promise<void>
}

/** @param folder its home; as root, the server runs as another user, who must be able to enter */
export async function stoppableDatabase(folder: string): Promise<StoppableDatabase> {
  // The server's socket is in another folder at each start: the link leads to it.
  const link = join(folder, 'socket')
  let server: Embedded | undefined
  const start = async (): Promise<string> => {
    server = await startEmbedded({ dir: join(folder, 'postgres') })
    const url = new URL(server.ownerUrl)
    const socket = url.searchParams.get('host')
    if (socket === null) throw new Error('Postgres listens on no Unix socket here')
    rmSync(link, { force: true })
    symlinkSync(socket, link)
    url.searchParams.set('host', link)
    return url.href
  }
  return {
    url: await start(),
    async start() {
      await start()
    },
    async stop() {
      await server?.stop()
      server = undefined
    },
  }
}
