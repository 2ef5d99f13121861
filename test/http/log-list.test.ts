import { expect, test } from 'vitest'
import { encodeUtf8 } from '../../src/core/bytes.ts'
import { generateSkey, vkeyOf } from '../../src/core/keys.ts'
import { parseLogList } from '../../src/core/log-list.ts'
import { installMlDsa } from '../../src/core/ml-dsa.ts'
import { fakeLog, fakeLogs } from '../support/fake-logs.ts'
import { testApp } from '../support/http-app.ts'

installMlDsa()

function keysOf(origin: string, ...types: (0x01 | 0x06)[]): string[] {
  return types.map((type, i) => vkeyOf(generateSkey(origin, type, new Uint8Array(32).fill(i + 1))))
}

test('the list for witnesses has every growing log of ours, with its first Ed25519 key that signs', async () => {
  const [first = '', mlDsa = '', second = ''] = keysOf('log.example/a', 0x01, 0x06, 0x01)
  const log = (name: string, info: object) => {
    const made = fakeLog(name)
    const origin = `log.example/${name}`
    return { ...made, info: { ...made.info, origin, signing: keysOf(origin, 0x01), ...info } }
  }
  const logs = fakeLogs(
    log('a', { vkeys: [first, mlDsa, second], signing: [mlDsa, second] }),
    log('b', { state: 'draining' }),
    log('copy', { mirrored: true }),
    log('ended', { state: 'frozen' }),
  )
  const { app } = await testApp({ logs, listing: { contact: 'ops@log.example', qpd: 17_280 } })
  const answer = await app.request('/logs.v0')
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  const text = await answer.text()
  expect(text).toMatch(/^logs\/v0\n/)
  expect(parseLogList(encodeUtf8(text))).toMatchObject([
    { key: { vkey: second }, origin: 'log.example/a', qpd: 17_280, contact: 'ops@log.example' },
    { origin: 'log.example/b' },
  ])
})

test('a service without logs has an empty list', async () => {
  const { app } = await testApp({ logs: fakeLogs() })
  expect(await (await app.request('/logs.v0')).text()).toBe('logs/v0\n')
})
