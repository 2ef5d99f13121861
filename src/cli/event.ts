// Events from the command line: send, search, show, prove, export.
import type { Command } from 'commander'
import { addEventBundle } from './event-bundle.ts'
import { addEventExport } from './event-export.ts'
import { addEventSearch } from './event-search.ts'
import { addEventSend } from './event-send.ts'
import type { Io } from './io.ts'

export function addEvent(program: Command, io: Io): void {
  const event = program.command('event').description('send, search, prove and export audit events')
  addEventSend(event, io)
  addEventSearch(event, io)
  addEventBundle(event, io)
  addEventExport(event, io)
}
