// What may happen to a log between its creation and its end: other keys, another state. Each step is one change in the store,
// compare-and-swap, so that two operators, or a request that was sent twice, cannot do what neither meant.
import { SignatureError } from '../core/errors.ts'
import { parseVkey } from '../core/keys.ts'
import { openNote, parseNote } from '../core/note.ts'
import { verifierOf } from '../core/signer.ts'
import { LogError } from './errors.ts'
import type { LogInfos } from './log-infos.ts'
import type { Clock, KeyRing, LogStore } from './ports.ts'
import { trySigning } from './try-signing.ts'
import type { LogChange, LogInfo, LogState } from './types.ts'

export interface Lifecycle {
  /** See types.ts Logs. */
  rotate(name: string): Promise<LogInfo>
  retireKey(name: string, keyId: string): Promise<LogInfo>
  setState(name: string, state: LogState): Promise<LogInfo>
}

export interface LifecyclePorts {
  readonly store: LogStore
  readonly keys: KeyRing
  readonly clock: Clock
  readonly infos: LogInfos
}

const ED25519 = 0x01

/** From which state a log may come into each. */
const FROM: Readonly<Record<LogState, readonly LogState[]>> = {
  open: ['draining', 'frozen'],
  draining: ['open'],
  frozen: ['draining'],
}

export function createLifecycle({ store, keys, clock, infos }: LifecyclePorts): Lifecycle {
  async function own(name: string): Promise<LogInfo> {
    const info = (await store.logs()).find((log) => log.name === name)
    if (info === undefined) throw new LogError('log_not_found', `there is no log "${name}"`)
    if (info.mirrored) {
      throw new LogError(
        'state_conflict',
        `log ${name} is a copy: only ${info.origin} itself can change what it is`,
      )
    }
    return info
  }

  async function change(info: LogInfo, changes: readonly LogChange[]): Promise<LogInfo> {
    await store.change(info, changes)
    await infos.refresh()
    return infos.now(info)
  }

  return {
    async rotate(name) {
      const info = await own(name)
      if (info.state === 'frozen') throw conflict(info, 'it is frozen and will not be signed again')
      if (ed25519Of(info.signing).length > 1) {
        throw conflict(info, 'old and new keys sign already: retire the old ones before the next rotation')
      }
      const added = await keys.add(info)
      const last = await store.published(info.id)
      // What is published is signed once more, by keys that may sign it: a key that cannot must not be announced.
      if (last !== undefined) await trySigning(added, parseNote(last.note).text, clock())
      return change(
        info,
        added.map(({ vkey }) => ({ what: 'key_added', value: vkey })),
      )
    },

    async retireKey(name, keyId) {
      const info = await own(name)
      const vkey = info.vkeys.find((one) => idOf(one) === keyId)
      if (vkey === undefined) {
        throw new LogError(
          'signing_key_not_found',
          `log ${name} has no key with id ${keyId}: GET /logs/${name} lists them`,
        )
      }
      if (!info.signing.includes(vkey)) return info
      const rest = ed25519Of(info.signing).filter((one) => one !== vkey)
      if (rest.length === 0) throw conflict(info, `${keyId} is its only Ed25519 key: rotate first`)
      const last = await store.published(info.id)
      if (last === undefined || !isSignedByAny(last.note, rest)) {
        throw conflict(
          info,
          'no checkpoint was published with the signature of the key that stays: wait for one',
        )
      }
      return change(info, [{ what: 'key_retired', value: vkey }])
    },

    async setState(name, state) {
      const info = await own(name)
      if (info.state === state) return info
      if (!FROM[state].includes(info.state)) {
        throw conflict(
          info,
          `it is ${info.state}, and only a log that is ${FROM[state].join(' or ')} can become ${state}`,
        )
      }
      return change(info, [{ what: 'state', value: state }])
    },
  }
}

function isSignedByAny(note: Uint8Array, vkeys: readonly string[]): boolean {
  try {
    return openNote(note, vkeys.map(verifierOf)).verified.length > 0
  } catch (error) {
    if (error instanceof SignatureError && error.code === 'signature_missing') return false
    throw error
  }
}

function ed25519Of(vkeys: readonly string[]): string[] {
  return vkeys.filter((vkey) => parseVkey(vkey).type === ED25519)
}

/** As it stands in the vkey: eight hex digits. */
function idOf(vkey: string): string | undefined {
  return vkey.split('+')[1]
}

function conflict({ name }: LogInfo, why: string): LogError {
  return new LogError('state_conflict', `log ${name} cannot be changed so: ${why}`)
}
