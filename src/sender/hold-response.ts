// Holds an answer of node:http back until something is done: nothing of it, not even its status, is sent before.
import type { ServerResponse } from 'node:http'
import { UNAVAILABLE, UNAVAILABLE_BODY, UNAVAILABLE_HEADERS } from './unavailable.ts'

type Method = 'write' | 'end' | 'writeHead' | 'flushHeaders'
type Call = { readonly method: Method; readonly args: unknown[] }

/**
 * As soon as the handler begins to answer, runs `before` with the status, and holds the answer back until it resolves. When it
 * rejects, the answer is thrown away and 503 is sent instead.
 */
export function holdResponse(response: ServerResponse, before: (status: number) => Promise<void>): void {
  const originals = {
    write: Reflect.get(response, 'write'),
    end: Reflect.get(response, 'end'),
    writeHead: Reflect.get(response, 'writeHead'),
    flushHeaders: Reflect.get(response, 'flushHeaders'),
  }
  const held: Call[] = []
  let state: 'open' | 'holding' | 'released' | 'refused' = 'open'
  const call = (method: Method, args: unknown[]): unknown => Reflect.apply(originals[method], response, args)

  const release = (status: number): void => {
    state = 'released'
    // Who believed that the headers were sent may have changed the status since, and it would have had no effect.
    response.statusCode = status
    let flowing = false
    for (const { method, args } of held) {
      const result = call(method, args)
      if (method === 'write') flowing = result === true
    }
    if (flowing && !response.writableEnded) response.emit('drain')
  }
  const refuse = (): void => {
    state = 'refused'
    for (const name of response.getHeaderNames()) response.removeHeader(name)
    response.statusMessage = 'Service Unavailable'
    call('writeHead', [UNAVAILABLE, UNAVAILABLE_HEADERS])
    call('end', [UNAVAILABLE_BODY])
    for (const { args } of held) callBack(args)
  }
  const hold = (method: Method, args: unknown[]): void => {
    // Middlewares that look at headers before they are sent call it as long as they believe that they were not.
    if (method === 'writeHead' && held.length > 0) return
    held.push({ method, args })
    if (state !== 'open' || method === 'writeHead') return
    state = 'holding'
    const status = statusOf(held) ?? response.statusCode
    before(status).then(() => release(status), refuse)
  }
  const instead =
    (method: Method, result: unknown) =>
    (...args: unknown[]): unknown => {
      if (state === 'released') return call(method, args)
      // The handler of a refused answer goes on unaware: what it says is dropped.
      if (state === 'refused') callBack(args)
      else hold(method, args)
      return method === 'write' ? state === 'refused' : result
    }
  Object.assign(response, {
    write: instead('write', undefined),
    end: instead('end', response),
    writeHead: instead('writeHead', response),
    flushHeaders: instead('flushHeaders', undefined),
  })
  hideHeldHeaders(response, () => held.length > 0)
}

/** For the handler, and for whoever looks after it, headers that are held back are sent. */
function hideHeldHeaders(response: ServerResponse, isHeld: () => boolean): void {
  const prototype: unknown = Object.getPrototypeOf(response)
  Object.defineProperty(response, 'headersSent', {
    configurable: true,
    get: () =>
      isHeld() ||
      (typeof prototype === 'object' &&
        prototype !== null &&
        Reflect.get(prototype, 'headersSent', response)),
  })
}

function statusOf(held: readonly Call[]): number | undefined {
  const status = held.find(({ method }) => method === 'writeHead')?.args[0]
  return typeof status === 'number' ? status : undefined
}

function callBack(args: unknown[]): void {
  const last = args.at(-1)
  if (typeof last === 'function') Reflect.apply(last, undefined, [])
}
