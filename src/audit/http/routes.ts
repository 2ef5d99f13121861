// All audit routes, their rows of the access table and their problems: what the composition root hangs into the app.
import type { RouteGroup } from '../../http/app.ts'
import { auditAccess } from './access.ts'
import { cloudEventsRoutes } from './cloudevents-routes.ts'
import type { AuditHttpDeps } from './deps.ts'
import { erasureRoutes } from './erasure-routes.ts'
import { eventRoutes } from './event-routes.ts'
import { exportRoutes } from './export-routes.ts'
import { hecRoutes } from './hec-routes.ts'
import { holdRoutes } from './hold-routes.ts'
import { k8sRoutes } from './k8s-routes.ts'
import { nativeRoutes } from './native-routes.ts'
import { otlpRoutes } from './otlp-routes.ts'
import { AUDIT_PROBLEMS } from './problems.ts'
import { schemaRoutes } from './schema-routes.ts'
import { searchRoutes } from './search-routes.ts'

export function auditRoutes(deps: AuditHttpDeps): RouteGroup {
  return {
    routes: [
      ...nativeRoutes(deps),
      ...otlpRoutes(deps),
      ...k8sRoutes(deps),
      ...cloudEventsRoutes(deps),
      ...hecRoutes(deps),
      ...eventRoutes(deps),
      ...exportRoutes(deps),
      ...searchRoutes(deps),
      ...erasureRoutes(deps),
      ...holdRoutes(deps),
      ...schemaRoutes(),
    ],
    access: auditAccess(deps.otlpAudit),
    problems: AUDIT_PROBLEMS,
  }
}
