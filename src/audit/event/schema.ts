// The audit event, version 1: the native JSON format and what every adapter maps to.
import { z } from 'zod'

const text = (max: number) => z.string().min(1).max(max)

/** Open, so that a new kind is no error; `user` and what is not known count as persons. */
export const ACTOR_TYPES = ['user', 'service', 'system'] as const
export const OUTCOMES = ['success', 'failure', 'unknown'] as const

const party = {
  id: text(512).optional(),
  type: text(64).optional(),
  name: text(512).optional(),
}

export const auditEvent = z.object({
  id: text(256).optional(),
  time: z.string(),
  observed_time: z.string().optional(),
  action: text(256),
  outcome: z.enum(OUTCOMES),
  actor: z
    .object({
      ...party,
      email: text(512).optional(),
      on_behalf_of: z.object({ ...party, email: text(512).optional() }).optional(),
    })
    .optional(),
  targets: z.array(z.object(party)).max(64).optional(),
  src: z
    .object({
      ip: text(64).optional(),
      port: z.int().min(0).max(65_535).optional(),
      host: text(256).optional(),
      geo: z
        .object({ country: text(64).optional(), region: text(128).optional(), city: text(128).optional() })
        .optional(),
    })
    .optional(),
  http: z
    .object({
      method: text(32).optional(),
      path: text(4_096).optional(),
      query: text(8_192).optional(),
      status: z.int().min(0).max(999).optional(),
      user_agent: text(2_048).optional(),
      host: text(256).optional(),
    })
    .optional(),
  params: z.json().optional(),
  device: z
    .object({
      id: text(256).optional(),
      managed: z.boolean().optional(),
      compliant: z.boolean().optional(),
      posture: z.json().optional(),
    })
    .optional(),
  auth: z
    .object({
      method: text(128).optional(),
      mfa: z.boolean().optional(),
      session_id: text(256).optional(),
      event_id: text(256).optional(),
      token_id: text(256).optional(),
    })
    .optional(),
  trace_id: text(128).optional(),
  span_id: text(128).optional(),
  correlation_id: text(256).optional(),
  causation_id: text(256).optional(),
  severity: z.int().min(1).max(24).optional(),
  service: z.object({ name: text(256).optional(), version: text(128).optional() }).optional(),
  message: z.string().max(65_536).optional(),
  extra: z.record(z.string(), z.json()).optional(),
})

export type AuditEvent = Readonly<z.infer<typeof auditEvent>>
