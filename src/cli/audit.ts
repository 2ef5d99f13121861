import type { Command } from 'commander'
import { auditLog, type AuditReport, ClientError } from '../client/index.ts'
import { toBase64 } from '../core/bytes.ts'
import { headFile } from './head-file.ts'
import type { Io } from './io.ts'
import { createProgress } from './progress.ts'
import { foreignTarget, logTarget, type LogOptions, withLog } from './target.ts'
import { policyFor, type TrustOptions, warnAnnounced, withTrust } from './trust.ts'

type Options = LogOptions & TrustOptions & { remember?: string; entries: boolean; json?: boolean }

export function addAudit(program: Command, io: Io): void {
  withTrust(withLog(program.command('audit [url]')))
    .description(
      'derive every tile, root and signature of a log again from what it serves (any c2sp.org/tlog-tiles log, by the URL ' +
        'of its prefix); the first difference is named, and the exit code is 1',
    )
    .option('--remember <file>', 'compare with the checkpoint in this file, and put the audited one there')
    .option('--no-entries', 'begin with the leaf hashes: for a log whose entries one may not read')
    .option('--json', 'print the result as JSON')
    .action((url: string | undefined, options: Options) => audit(url, options, io))
}

async function audit(url: string | undefined, options: Options, io: Io): Promise<void> {
  const target = url === undefined ? await logTarget(options, io) : await foreignTarget(url, options, io)
  const { policy, announced } = await policyFor(target, options)
  if (announced) warnAnnounced(policy, io)
  const heads = options.remember === undefined ? undefined : headFile(options.remember)
  const progress = createProgress(io, 'entries')
  try {
    const report = await auditLog({
      ...target,
      policy,
      heads,
      entries: options.entries,
      onProgress: (done, total) => progress.update(done, total),
    })
    progress.end()
    await io.out(options.json ? `${JSON.stringify(fieldsOf(report))}\n` : describe(report))
  } catch (error) {
    progress.end()
    throw explained(error)
  }
}

function describe({ head, entries, tiles, heads, remembered }: AuditReport): string {
  const { origin, size, root } = head.checkpoint
  const lines = [
    ['log', origin],
    ['size', String(size)],
    ['root', toBase64(root)],
    [
      'entries',
      entries ? `${size} hashed` : 'not read (--no-entries): leaf hashes were taken from the tiles',
    ],
    ['tiles', `${tiles} derived and compared`],
    [
      'heads',
      heads === undefined
        ? 'this host lists none: only the newest was checked'
        : `${heads} published, all checked`,
    ],
    ['remembered', remembered ? `size ${remembered.size}, part of this tree` : 'none to compare with'],
    ...head.cosigners.map(({ name }) => ['cosigned', name]),
  ]
  return `no difference\n${lines.map(([name = '', value = '']) => `${name.padEnd(12)}${value}\n`).join('')}`
}

function fieldsOf({ head, entries, tiles, heads, remembered }: AuditReport): object {
  const { origin, size, root } = head.checkpoint
  return {
    origin,
    tree_size: size,
    sha256_root_hash: toBase64(root),
    entries,
    tiles,
    heads: heads ?? null,
    remembered_size: remembered?.size ?? null,
    cosigners: head.cosigners.map(({ name, timestamp }) => ({ name, timestamp })),
  }
}

function explained(error: unknown): unknown {
  const status = error instanceof ClientError ? error.evidence['status'] : undefined
  if (!(error instanceof ClientError) || (status !== 401 && status !== 403)) return error
  const message = `${error.message}. The entries of this log need a key with entries:read; without one, --no-entries audits all but them`
  return new ClientError(error.code, message, { ...error.evidence, status: undefined }, { cause: error })
}
