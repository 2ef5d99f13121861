import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pack, unpack } from '../../../src/audit/record/packed.ts'
import type { Ready } from '../../../src/audit/record/types.ts'

const bytes = fc.uint8Array({ maxLength: 40 })
const sidecar = fc.record({ subjectId: fc.maxSafeNat(), sealed: bytes, size: fc.nat() })
const ready: fc.Arbitrary<Ready> = fc.record({
  id: fc.string(),
  entry: bytes,
  sidecars: fc.array(sidecar, { maxLength: 3 }),
  flags: fc.subarray(['time_past', 'time_future', 'quarantined', 'signature_failed']),
  quarantine: fc.option(fc.record({ code: fc.constant('not_json' as const), message: fc.string() }), {
    nil: undefined,
  }),
})

test('what is packed and sent is what was sealed', () => {
  fc.assert(
    fc.property(fc.array(ready), (all) => {
      const packed = pack(all)
      const sent = structuredClone(packed, { transfer: [packed.bytes.buffer, packed.numbers.buffer] })
      expect(unpack(sent)).toEqual(all)
    }),
  )
})
