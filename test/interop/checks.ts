// Programs that check a log, and somebody in between who changes one bit of it.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Ran, run } from './programs.ts'
import { startProxy } from './proxy.ts'
import type { LogToCheck } from './service.ts'

/** A warning, an error or the end, as the log lines of Tessera's programs begin. */
export const COMPLAINT = /^[WEF]\d{4} /m

export interface Checks {
  /** A check of go/main.go. @param more options before its name */
  peer(log: LogToCheck, check: string, ...more: readonly string[]): Promise<Ran>
  readonly fsck: (log: LogToCheck) => Promise<Ran>
}

/** @param folder where the programs are */
export function checksIn(folder: string): Checks {
  return {
    peer(log, check, ...more) {
      const [ed25519, mldsa] = log.vkeys
      const about = ['-url', log.url, '-origin', log.origin, '-ed25519', ed25519, '-mldsa', mldsa]
      return run(join(folder, 'peer'), [...about, ...more, check])
    },
    fsck(log) {
      const keyFile = join(folder, 'vkey')
      writeFileSync(keyFile, log.vkeys[0])
      const about = [`--storage_url=${log.url}/`, `--public_key=${keyFile}`, `--origin=${log.origin}`]
      return run(join(folder, 'fsck'), [...about, '--ui=false', '--N=4'])
    },
  }
}

/** fsck's exit status is 0 whatever it finds: what it says decides. */
export function sizeRebuilt({ stderr, all }: Ran): number {
  const size = /Successfully fsck'd log with size (\d+)/.exec(stderr)?.[1]
  if (size === undefined || COMPLAINT.test(stderr)) throw new Error(all)
  return Number(size)
}

/** The same log as seen through somebody who changes one bit of the answers whose path holds `part`. @param host before the path */
export async function through(
  host: string,
  log: LogToCheck,
  part: string,
  check: (log: LogToCheck) => Promise<Ran>,
): Promise<Ran> {
  let changed = 0
  const proxy = await startProxy(host, {
    spoil(path, body) {
      const at = path.includes(part) ? placeToSpoil(path, body) : -1
      if (at === -1) return body
      changed++
      return Buffer.from(body.map((byte, i) => (i === at ? byte ^ 1 : byte)))
    },
  })
  const found = await check({ ...log, url: log.url.replace(host, proxy.url) })
  await proxy.close()
  expect(changed, found.all).toBeGreaterThan(0)
  return found
}

/** Somewhere in a tile; in text, a letter of the last hash in base64 (one bit away is another letter or digit). -1 if there is none. */
function placeToSpoil(path: string, body: Buffer): number {
  if (path.includes('/tile/')) return 20
  const hash = [...body.toString('latin1').matchAll(/[A-Za-z0-9+/]{43}=/g)].at(-1)
  return hash ? hash.index + hash[0].search(/[B-Yb-y2-9]/) : -1
}
