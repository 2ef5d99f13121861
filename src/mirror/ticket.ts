// Tickets: a past pending checkpoint that the client keeps for us, so that an upload can go on although the log has grown.
// Authenticated, because only checkpoints on the one history that was proven to us may come back.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { concat, encodeUtf8, writeU16 } from '../core/bytes.ts'

/** 32 bytes; the same in all processes of one mirror. */
export type TicketKey = Uint8Array

const MAC_SIZE = 32

/** @param note the signed checkpoint */
export function sealTicket(key: TicketKey, origin: string, note: Uint8Array): Uint8Array {
  return concat(macOf(key, origin, note), note)
}

/** The note that was sealed for this origin; undefined for anything else. */
export function openTicket(key: TicketKey, origin: string, ticket: Uint8Array): Uint8Array | undefined {
  if (ticket.length < MAC_SIZE) return undefined
  const note = ticket.slice(MAC_SIZE)
  return timingSafeEqual(ticket.subarray(0, MAC_SIZE), macOf(key, origin, note)) ? note : undefined
}

function macOf(key: TicketKey, origin: string, note: Uint8Array): Uint8Array {
  const name = encodeUtf8(origin)
  return createHmac('sha256', key)
    .update(concat(writeU16(name.length), name))
    .update(note)
    .digest()
}
