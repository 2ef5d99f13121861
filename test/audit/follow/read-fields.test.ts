import { expect, onTestFinished, test } from 'vitest'
import type { AuditError } from '../../../src/audit/event/errors.ts'
import type { AuditEvent } from '../../../src/audit/event/types.ts'
import { readEvents } from '../../../src/audit/follow/read-events.ts'
import { type FieldsOfEvent, readFields } from '../../../src/audit/follow/read-fields.ts'
import { fieldsOf } from '../../../src/audit/search/keys.ts'
import { searchGround } from '../search/ground.ts'

const COUNT = 700

test('what is read of many at once is what the reader with proofs gives, but for what was altered', async () => {
  const at = await searchGround()
  onTestFinished(() => at.close())
  await at.indexer()
  const events = Array.from({ length: COUNT }, (_, i): AuditEvent => ({
    id: `e${i}`,
    time: '2026-01-01T00:00:00Z',
    action: 'role.grant',
    outcome: 'success',
    actor: { id: `user${i % 9}`, type: 'user', name: 'Ünï\n"code"' },
    targets: [{ id: `user${(i + 1) % 9}`, type: 'user' }],
    ...(i % 5 === 0 ? { message: 'a message', params: { list: [1, null, { deep: true }] } } : {}),
  }))
  await at.record(events)
  await at.plain(3)
  await at.indexed()
  const size = COUNT + 3
  const indexes = Array.from({ length: size }, (_, i) => i)
  const heard: number[] = []
  const hear = (damaged: readonly AuditError[]): void => {
    heard.push(...damaged.map(({ evidence }) => Number(evidence['index'])))
  }
  const read = (): Promise<FieldsOfEvent[]> => allOf(readFields(at.log, at.one.vault, 0, size, hear))
  const both = async () => {
    const proving = Promise.all(indexes.map((index) => readEvents(at.log, at.one.vault, [index], hear)))
    const [fast, proven] = [await read(), (await proving).flat()]
    expect(fast).toEqual(
      proven.map(({ index, envelope, disclosures }) => ({
        index,
        envelope,
        fields: fieldsOf(envelope, disclosures),
      })),
    )
    return fast
  }
  const fast = await both()
  // All on the same few connections: a statement sent into somebody's copy would fail.
  let reading = true
  const many = Promise.all(Array.from({ length: 20 }, read)).finally(() => (reading = false))
  const others: Promise<unknown>[] = [many]
  while (reading) {
    others.push(readEvents(at.log, at.one.vault, [1], hear))
    await new Promise(setImmediate)
  }
  await Promise.all(others)
  expect(fast).toHaveLength(COUNT)
  expect(fast.every(({ fields }) => fields.length >= 3)).toBe(true)
  expect(heard).toEqual([])

  const { owner: sql } = at.database
  await sql`UPDATE vault.disclosures SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) WHERE index = 600`
  await sql`DELETE FROM vault.subject_keys WHERE subject_id = (SELECT min(subject_id) FROM vault.disclosures WHERE index = 8)`
  at.one.vault.forget()
  await both()
  expect(heard.filter((index) => index === 600).length).toBeGreaterThanOrEqual(2)
  expect(new Set(heard).size).toBeGreaterThan(COUNT / 9)
  const times = (index: number): number => heard.filter((one) => one === index).length
  for (const index of new Set(heard)) expect(times(index) % 2, 'both readers say so').toBe(0)
}, 60_000)

async function allOf<T>(blocks: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = []
  for await (const block of blocks) all.push(...block)
  return all
}
