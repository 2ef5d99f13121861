import { expect, test } from 'vitest'
import type { Envelope } from '../../../src/audit/event/types.ts'
import { viewOf } from '../../../src/audit/event/view.ts'
import { csvCell } from '../../../src/audit/search/csv.ts'
import { type ExportFormat, type ExportRow, formatExport } from '../../../src/audit/search/export.ts'

const envelope = (id: string, more: object = {}): Envelope => ({
  v: 1,
  type: 'event',
  id,
  source: 'app',
  format: 'native',
  time: '2026-11-25T10:00:00Z',
  action: 'user.login',
  outcome: 'success',
  actor: { id: 'cron', type: 'service' },
  ...more,
})

async function* rows(): AsyncGenerator<ExportRow> {
  const row = (index: number, event: Envelope): ExportRow => ({
    log: 'audit',
    index,
    leafHash: new Uint8Array(32).fill(index),
    size: 100,
    view: viewOf(event, []),
  })
  yield row(9, envelope('=cmd|calc'))
  yield row(4, envelope('b', { targets: [{ id: 'a "quoted", id', type: 'document' }] }))
  yield row(3, envelope('c', { action: '@SUM(A1)' }))
}

async function parts(format: ExportFormat): Promise<{ text: string; records: number }[]> {
  const all = []
  for await (const part of formatExport(format, rows())) all.push(part)
  return all
}

test('each record says where it is, and what was exported before it', async () => {
  for (const format of ['ndjson', 'ocsf'] as const) {
    const records = (await parts(format)).map(({ text }) => JSON.parse(text) as Record<string, never>)
    const places = records.map((record) => (format === 'ocsf' ? record['unmapped']?.['prooflog'] : record))
    expect(places).toMatchObject([
      { log: 'audit', index: 9, checkpoint_size: 100, previous: null },
      {
        log: 'audit',
        index: 4,
        checkpoint_size: 100,
        previous: 9,
        leaf_hash: Buffer.alloc(32, 4).toString('base64'),
      },
      { log: 'audit', index: 3, checkpoint_size: 100, previous: 4 },
    ])
  }
  const [header, ...csv] = await parts('csv')
  expect(header).toMatchObject({ records: 0 })
  expect(header?.text.startsWith('log,index,leaf_hash,checkpoint_size,previous,type,id,')).toBe(true)
  expect(csv.map(({ text }) => text.split(',').slice(0, 5).join())).toEqual([
    `audit,9,${Buffer.alloc(32, 9).toString('base64')},100,`,
    `audit,4,${Buffer.alloc(32, 4).toString('base64')},100,9`,
    `audit,3,${Buffer.alloc(32, 3).toString('base64')},100,4`,
  ])
})

test('CSV is RFC 4180 and computes nothing in a spreadsheet', async () => {
  const [header, first, second, third] = (await parts('csv')).map(({ text }) => text)
  expect(first).toContain(`,'=cmd|calc,`)
  expect(second).toContain(`,"a ""quoted"", id",`)
  expect(third).toContain(`,'@SUM(A1),`)
  for (const line of [header, first, second, third]) {
    expect(line?.endsWith('\r\n')).toBe(true)
    const cells = line?.slice(0, -2).match(/("(?:[^"]|"")*"|[^",]*)(,|$)/g) ?? []
    expect(cells.filter((cell, i) => i < cells.length - 1 || cell !== '').length).toBe(
      header?.split(',').length,
    )
  }
  for (const evil of ['=1+1', '+1', '-1', '@x', '\t=1', '\r=1', ' =1', '＝1', '\n@x'])
    expect(csvCell(evil).replace(/^"/, '')[0], evil).toBe(`'`)
  expect([
    csvCell('a\nb'),
    csvCell(null),
    csvCell(undefined),
    csvCell(-5),
    csvCell(true),
    csvCell('plain'),
  ]).toEqual(['"a\nb"', '', '', '-5', 'true', 'plain'])
})
