// Who is at the other end. X-Forwarded-For is what anybody may write: believed is only what our own proxies appended.
import { isIP } from 'node:net'

/**
 * The address of the client, behind a known number of proxies that each append the address they see to X-Forwarded-For.
 * @param peer address of the connection
 * @param forwarded value of X-Forwarded-For
 * @param proxies how many of the last addresses our own proxies wrote; 0 believes the connection only
 * @returns undefined when the address cannot be told: a guess would be worse than nothing
 */
export function clientAddress(
  peer: string | undefined,
  forwarded: string | undefined,
  proxies: number,
): string | undefined {
  const hops = proxies === 0 ? [] : (forwarded?.split(',').map((text) => text.trim()) ?? [])
  // The last proxy is the peer itself; with fewer entries than proxies, the first is as far as anybody we trust can see.
  const all = [...hops, peer ?? '']
  return asAddress(all[Math.max(0, all.length - 1 - proxies)] ?? '')
}

/** Without port, brackets, zone, and the prefix of an IPv4 address in IPv6. */
function asAddress(text: string): string | undefined {
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([^:]*):\d+$/.exec(text)?.[1] ?? text
  const address = bare.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '')
  return isIP(address) === 0 ? undefined : address
}
