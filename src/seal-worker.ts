// A thread that seals (seal-threads.ts): it reads what was sent, and answers entries with what is kept beside them.
import { parentPort, workerData } from 'node:worker_threads'
import { AuditError } from './audit/event/errors.ts'
import type { Sent } from './audit/event/types.ts'
import { createProducerTrust, NO_PRODUCERS } from './audit/ingest/producer-signature.ts'
import { recordsOf } from './audit/ingest/records-of.ts'
import { openGeo } from './audit/record/geo.ts'
import { pack, type Packed } from './audit/record/packed.ts'
import { createSealer } from './audit/record/sealer.ts'
import type { LogRef } from './audit/record/types.ts'
import { createVault } from './audit/vault/vault.ts'
import { connect } from './db/connect.ts'
import { installNodeCrypto } from './node-crypto.ts'
import { SERVICE_ROLE } from './open-database.ts'
import { privacyOf } from './privacy-of.ts'

export interface SealSetup {
  readonly databaseUrl: string
  readonly vaultKeyFile: string
  readonly policiesDir: string
  readonly geoipFile: string | undefined
  /** Contents of the file that names them. */
  readonly producers: unknown
}

/** What the thread is asked, in order. */
export type SealRequest =
  | {
      readonly what: 'seal'
      readonly id: number
      readonly log: LogRef
      readonly sent: Sent
      readonly source: string
    }
  | { readonly what: 'forget' }

/** What it tells: once that it can be asked, and then one answer for each request. */
export type SealTold =
  | { readonly what: 'open' }
  | { readonly what: 'sealed'; readonly id: number; readonly packed: Packed }
  /** `error`: one of the audit rooms, as far as it can be told across; undefined for any other. */
  | {
      readonly what: 'failed'
      readonly id: number
      readonly error: ToldError | undefined
      readonly why: string
    }

type ToldError = Pick<AuditError, 'code' | 'message' | 'evidence'> & { readonly cause: string | undefined }

const CONNECTIONS = 2

async function open(
  setup: SealSetup,
): Promise<{ answer: (asked: SealRequest) => Promise<void>; close: () => Promise<void> }> {
  installNodeCrypto()
  const { databaseUrl, vaultKeyFile, policiesDir, geoipFile } = setup
  const db = connect({ url: databaseUrl, role: SERVICE_ROLE, name: 'prooflog seal', max: CONNECTIONS })
  const vault = await createVault({ db, keyFile: vaultKeyFile })
  const sealer = createSealer({
    vault,
    policyOf: privacyOf(policiesDir),
    clock: Date.now,
    geo: geoipFile === undefined ? undefined : await openGeo(geoipFile, () => {}), // reported once, where it is read too
  })
  const producers = setup.producers === undefined ? NO_PRODUCERS : createProducerTrust(setup.producers)
  return {
    async answer(asked) {
      if (asked.what === 'forget') return sealer.forget()
      const { id, log, sent, source } = asked
      try {
        const packed = pack(await sealer.seal(log, recordsOf(sent, producers), source))
        tell({ what: 'sealed', id, packed }, [packed.bytes.buffer, packed.numbers.buffer])
      } catch (error) {
        tell({
          what: 'failed',
          id,
          error: toldOf(error),
          why: error instanceof Error ? error.message : 'not an error',
        })
      }
    },
    async close() {
      await vault.close()
      await db.close()
    },
  }
}

function toldOf(error: unknown): ToldError | undefined {
  if (!(error instanceof AuditError)) return undefined
  const { code, message, evidence, cause } = error
  return { code, message, evidence, cause: cause instanceof Error ? cause.message : undefined }
}

function tell(told: SealTold, transfer: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(told, transfer)
}

const underWay = new Set<Promise<void>>()
const opening = open(workerData as SealSetup)
void opening.then(() => tell({ what: 'open' }))
parentPort?.on('message', (asked: SealRequest | 'stop') => {
  if (asked === 'stop') return void stop()
  const answering = opening.then(({ answer }) => answer(asked))
  underWay.add(answering)
  void answering.finally(() => underWay.delete(answering))
})

/** After what is under way. */
async function stop(): Promise<void> {
  await Promise.all(underWay)
  await (await opening).close()
  parentPort?.close()
}
