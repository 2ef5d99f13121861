/**
 * How Node's HTTP server must be set for this app; milliseconds and bytes. Requests beyond them never reach a route.
 * Pass it to `serve({ serverOptions })` of @hono/node-server.
 */
export const SERVER_OPTIONS = {
  /** Longer than any proxy keeps its side: a client does not repeat a POST that died with an idle connection. Node's default is 5 s. */
  keepAliveTimeout: 75_000,
  /** Whole head of a request; 408 beyond. */
  headersTimeout: 15_000,
  /** Whole request, body included: what sends slower is cut off with 408. */
  requestTimeout: 60_000,
  /** How often the two limits above are looked at. Node's default is 30 s: half of one more request. */
  connectionsCheckingInterval: 5_000,
  /** Together; 431 beyond. */
  maxHeaderSize: 16_384,
} as const
