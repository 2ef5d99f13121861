// How the witnesses of our logs do: metrics of what they answer.
import { Counter, Histogram, type Registry } from 'prom-client'
import type { Observer } from '../log/observer.ts'

export type WitnessObserver = Pick<Observer, 'quorum' | 'cosigned'>

/** The deadline lies at a second unless set otherwise. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export function witnessMetrics(registry: Registry): WitnessObserver {
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name: `prooflog_${name}`, help, labelNames, registers: [registry] })
  const quorums = counter('quorum_total', 'Attempts to publish, by what became of the quorum', [
    'log',
    'quorum',
  ])
  const received = counter('cosignatures_total', 'Cosignatures received', ['log', 'witness'])
  const failed = counter('cosignatures_failed_total', 'Requests that brought no cosignature', [
    'log',
    'witness',
    'reason',
  ])
  const seconds = new Histogram({
    name: 'prooflog_cosignature_seconds',
    help: 'From the request to the answer of a witness',
    labelNames: ['log', 'witness'],
    buckets: SECONDS,
    registers: [registry],
  })
  return {
    quorum: (log, quorum) => quorums.inc({ log, quorum }),
    cosigned(log, witness, took, reason) {
      seconds.observe({ log, witness }, took)
      if (reason === undefined) received.inc({ log, witness })
      else failed.inc({ log, witness, reason })
    },
  }
}
