// The sockets of the driver. COPY without TCP_NODELAY takes 90 ms a statement (measured), and the driver does not set it. What
// else is done here is for what the driver (postgres 3.4.9) does when sockets fail.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** What the driver hands to its option `socket`; its types do not say. */
interface SocketOptions {
  readonly host: readonly string[]
  readonly port: readonly number[]
  readonly path?: string | false
}

/** A socket that is about to be connected; of several hosts the first one that answers. */
export async function openSocket(given: unknown): Promise<Socket & { host?: string }> {
  const { host, port, path } = given as SocketOptions
  if (path) return settled(connect(path))
  const last = host.length - 1
  for (const [i, name] of host.slice(0, -1).entries()) {
    const socket = await answered(socketTo(name, port[i]))
    if (socket) return settled(socket)
  }
  return settled(socketTo(host[last], port[last]))
}

/** The driver takes the TLS server name from `host`. */
function socketTo(host = 'localhost', port = 5432): Socket & { host: string } {
  return Object.assign(connect({ host, port, noDelay: true }), { host })
}

async function answered<T extends Socket>(socket: T): Promise<T | undefined> {
  try {
    await once(socket, 'connect')
    return socket
  } catch {
    socket.destroy()
    return undefined
  }
}

/**
 * Once connected the driver hears of a failure when the socket closes, and not before: what it sends between a socket's error
 * and its end would never be answered. A socket that cannot be connected must be handed over all the same: of one that it does
 * not get, the driver waits for ever.
 */
function settled<T extends Socket>(socket: T): T {
  watch(socket)
  const emit = socket.emit.bind(socket)
  let connected = !socket.connecting
  socket.once('connect', () => (connected = true))
  socket.emit = (event: string | symbol, ...args: unknown[]) => {
    if (connected && event === 'error') return true
    return connected && event === 'close' ? emit('close', false) : emit(event, ...args)
  }
  return socket
}

/** The driver writes at once to a socket that it is handed; milliseconds. */
const SILENCE = 100

/**
 * What the driver was about to write when a socket closed keeps it from writing anything to the next ones: it would wait for
 * connect_timeout, twice or more, until so much is to be written that it goes out all the same. A socket that stays silent is
 * closed, so that this is over within a second.
 */
function watch(socket: Socket): void {
  const check = (): void => {
    if (socket.bytesWritten === 0 && socket.writableLength === 0) socket.destroy()
  }
  // After a pause of the whole process timers come first, and what the driver was about to write second.
  setTimeout(() => setImmediate(check), SILENCE).unref()
}
