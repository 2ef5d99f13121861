// How the mirrors of our logs do: metrics of how far each is behind.
import { Counter, Gauge, type Registry } from 'prom-client'

export interface MirrorObserver {
  /** A mirror was brought a checkpoint, or could not be; it lacks `behind` entries of the newest. */
  mirrored(log: string, mirror: string, behind: number, failed: boolean): void
}

/** A mirror of a log, as `GET /readyz` shows it. */
export interface MirrorReport {
  readonly log: string
  readonly mirror: string
  readonly size: number | undefined
  readonly behind: number
  readonly problem: string | undefined
}

export function mirrorMetrics(registry: Registry): MirrorObserver {
  const labelNames = ['log', 'mirror']
  const lag = new Gauge({
    name: 'prooflog_mirror_behind_entries',
    help: 'Entries of the newest checkpoint that the mirror has not signed',
    labelNames,
    registers: [registry],
  })
  const pushes = new Counter({
    name: 'prooflog_mirror_pushes_total',
    help: 'Checkpoints that a mirror was brought, or could not be',
    labelNames: [...labelNames, 'outcome'],
    registers: [registry],
  })
  return {
    mirrored(log, mirror, behind, failed) {
      lag.set({ log, mirror }, behind)
      pushes.inc({ log, mirror, outcome: failed ? 'failed' : 'signed' })
    },
  }
}
