import { expect, test } from 'vitest'
import { clientAddress } from '../../src/sender/client-address.ts'

test('X-Forwarded-For is believed as far as our own proxies wrote it, and no further', () => {
  const forged = '1.1.1.1, 203.0.113.9, 10.0.0.2'
  expect(clientAddress('10.0.0.1', forged, 0)).toBe('10.0.0.1')
  expect(clientAddress('10.0.0.1', forged, 1)).toBe('10.0.0.2')
  expect(clientAddress('10.0.0.1', forged, 2)).toBe('203.0.113.9')
  expect(clientAddress('10.0.0.1', '203.0.113.9', 5)).toBe('203.0.113.9')
  expect(clientAddress('10.0.0.1', undefined, 1)).toBe('10.0.0.1')
})

test('addresses are written one way, and what is none is left out', () => {
  expect(clientAddress('::ffff:203.0.113.9', undefined, 0)).toBe('203.0.113.9')
  expect(clientAddress('fe80::1%eth0', undefined, 0)).toBe('fe80::1')
  expect(clientAddress('10.0.0.1', '[2001:db8::1]:443', 1)).toBe('2001:db8::1')
  expect(clientAddress('10.0.0.1', '203.0.113.9:5678', 1)).toBe('203.0.113.9')
  expect(clientAddress('10.0.0.1', 'unknown', 1)).toBe(undefined)
  expect(clientAddress(undefined, undefined, 0)).toBe(undefined)
})
