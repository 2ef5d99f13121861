import { type Logger, pino } from 'pino'
import type { Config } from './config.ts'

/** JSON lines on stderr: stdout is for results. */
export function createLogger({ logLevel }: Pick<Config, 'logLevel'>): Logger {
  return pino({ level: logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2))
}
