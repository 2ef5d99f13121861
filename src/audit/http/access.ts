// Who may use which audit route: one row each, checked against the routes when the program starts.
import type { AccessTable, RouteAccess } from '../../http/route.ts'

const IN = [
  '/v1/logs',
  '/v1/k8s/audit',
  '/v1/cloudevents',
  '/services/collector',
  '/services/collector/event',
  '/services/collector/event/1.0',
  '/services/collector/raw',
  '/services/collector/raw/1.0',
  '/services/collector/ack',
] as const
const AUDIT_SIGNAL = ['/v1/audit'] as const
const OPEN = [
  'GET /services/collector/health',
  'GET /services/collector/health/1.0',
  'OPTIONS /v1/cloudevents',
] as const

/** @param otlpAudit whether the draft audit signal is served */
export function auditAccess(otlpAudit: boolean): AccessTable {
  const rows: Record<string, RouteAccess> = {
    'POST /logs/:log/events': 'events:append',
    'POST /v1/events': 'events:append',
    'GET /logs/:log/events': 'search:read',
    'GET /logs/:log/events/:index': 'search:read',
    'GET /logs/:log/events/:index/bundle': 'search:read',
    'GET /logs/:log/timeline': 'search:read',
    'GET /logs/:log/search': 'search:read',
    'POST /logs/:log/search/rebuild': 'logs:admin',
    'POST /logs/:log/exports': 'export:create',
    'POST /logs/:log/erasures': 'erasure:request',
    'GET /logs/:log/erasures': 'erasure:request',
    'GET /logs/:log/erasures/:id': 'erasure:request',
    'POST /logs/:log/erasures/:id/approve': 'erasure:approve',
    'POST /logs/:log/erasures/:id/reject': 'erasure:approve',
    'GET /logs/:log/holds': 'retention:write',
    'POST /logs/:log/holds': 'retention:write',
    'DELETE /logs/:log/holds/:id': 'retention:write',
    'GET /schemas/event.json': 'public',
  }
  for (const path of otlpAudit ? [...IN, ...AUDIT_SIGNAL] : IN) {
    rows[`POST ${path}`] = 'events:append'
    rows[`POST /logs/:log${path}`] = 'events:append'
  }
  for (const row of OPEN) {
    rows[row] = 'public'
    rows[row.replace(' /', ' /logs/:log/')] = 'public'
  }
  return rows
}
