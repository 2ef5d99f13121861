// The event as a program writes it: the native format of the log (see /schemas/event.json), in types.

/** Whatever JSON can hold. `undefined` members are left out. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue | undefined }

/** Somebody or something. With type `user`, an unknown one or none it counts as a person: the log can forget it. */
export interface Party {
  readonly id?: string | undefined
  /** `user`, `service`, `system`, or a word of yours. */
  readonly type?: string | undefined
  readonly name?: string | undefined
}

export interface Actor extends Party {
  readonly email?: string | undefined
  /** Whom the actor acts for: the customer of a support agent, say. */
  readonly on_behalf_of?: (Party & { readonly email?: string | undefined }) | undefined
}

/** What is recorded. Only `action` and `outcome` are asked for. */
export interface SenderEvent {
  /** Names the event for ever and makes repetitions harmless. A random UUID unless given. 256 characters at most. */
  readonly id?: string | undefined
  /** When it happened: RFC 3339. Now, unless given. */
  readonly time?: string | undefined
  /** What was done, `document.delete`. 256 characters at most. */
  readonly action: string
  readonly outcome: 'success' | 'failure' | 'unknown'
  readonly actor?: Actor | undefined
  /** What it was done to; 64 at most. */
  readonly targets?: readonly Party[] | undefined
  readonly src?: { readonly ip?: string; readonly port?: number; readonly host?: string } | undefined
  readonly http?:
    | {
        readonly method?: string | undefined
        readonly path?: string | undefined
        readonly query?: string | undefined
        readonly status?: number | undefined
        readonly user_agent?: string | undefined
        readonly host?: string | undefined
      }
    | undefined
  /** Parameters of the action; the log treats all of them as personal. */
  readonly params?: JsonValue | undefined
  readonly device?:
    | {
        readonly id?: string | undefined
        readonly managed?: boolean | undefined
        readonly compliant?: boolean | undefined
        readonly posture?: JsonValue | undefined
      }
    | undefined
  readonly auth?:
    | {
        readonly method?: string | undefined
        readonly mfa?: boolean | undefined
        readonly session_id?: string | undefined
        readonly event_id?: string | undefined
        readonly token_id?: string | undefined
      }
    | undefined
  readonly trace_id?: string | undefined
  readonly span_id?: string | undefined
  readonly correlation_id?: string | undefined
  readonly causation_id?: string | undefined
  /** 1 to 24, as in OpenTelemetry. */
  readonly severity?: number | undefined
  readonly service?: { readonly name?: string; readonly version?: string } | undefined
  readonly message?: string | undefined
  /** What has no place above; kept, and personal. */
  readonly extra?: { readonly [name: string]: JsonValue | undefined } | undefined
}
