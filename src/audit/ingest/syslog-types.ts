// Who sends syslog, and how much of it.

export interface SyslogPeer {
  readonly address: string
  readonly port: number
  /** Of the client's certificate, if it showed one and an authority of ours stands for it: SHA-256 in hex, and its common name. */
  readonly certificate?: { readonly sha256: string; readonly name?: string }
}

export interface SyslogLimits {
  /** Bytes of a message; a longer one is cut and quarantined. */
  readonly maxFrame: number
  readonly maxConnections: number
  /** Of one address: nobody alone takes all of them. */
  readonly maxPerAddress: number
  /** Milliseconds without a byte until a connection is closed. Dead peers are found earlier, by TCP's own keep-alive. */
  readonly idleMs: number
  /** Messages that are recorded at once. */
  readonly batch: number
  /** Milliseconds that closing waits for what peers still send and for what is not recorded yet. */
  readonly graceMs: number
}
