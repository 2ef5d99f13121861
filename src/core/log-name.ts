// What logs are called: the segment of their prefix `/logs/<name>`.

/** 1 to 63 of a-z, 0-9 and -, no - at either end; or the one name with an underscore, which is ours. */
export const LOG_NAME: RegExp = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?|_meta)$/

/** The log that the first start creates, and that agents without a log of their own append to. */
export const DEFAULT_LOG = 'default'

/** The log of who looked at the logs. Clients read it, with a scope of its own, and change nothing about it. */
export const META_LOG = '_meta'
