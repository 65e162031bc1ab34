/** All verbs of the admin listener. */
import type { Route } from './request.ts';
import { banRoutes } from './verbs/bans.ts';
import { clusterRoutes } from './verbs/cluster.ts';
import { daemonRoutes } from './verbs/daemon.ts';
import { eventRoutes } from './verbs/events.ts';
import { folderRoutes } from './verbs/folders.ts';
import { healthRoutes } from './verbs/health.ts';
import { historyRoutes } from './verbs/history.ts';
import { kvRoutes } from './verbs/kv.ts';
import { logRoutes } from './verbs/log.ts';
import { metricsRoutes } from './verbs/metrics.ts';
import { nameRoutes } from './verbs/names.ts';
import { runRoutes } from './verbs/runs.ts';
import { scheduleRoutes } from './verbs/schedules.ts';
import { statusRoutes } from './verbs/status.ts';
import { topRoutes } from './verbs/top.ts';
import { traceRoutes } from './verbs/traces.ts';
import type { AdminWorld } from './world.ts';

export function allRoutes(world: AdminWorld): readonly Route[] {
  return [
    ...healthRoutes(world),
    ...metricsRoutes(world),
    ...statusRoutes(world),
    ...topRoutes(world),
    ...historyRoutes(world),
    ...runRoutes(world),
    ...folderRoutes(world),
    ...scheduleRoutes(world),
    ...logRoutes(world),
    ...traceRoutes(world),
    ...eventRoutes(world),
    ...banRoutes(world),
    ...nameRoutes(world),
    ...kvRoutes(world),
    ...clusterRoutes(world),
    ...daemonRoutes(world),
    ...world.dashboard.routes(),
  ];
}
