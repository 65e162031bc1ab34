/** `/metrics`: everything that is counted, in Prometheus' text format. */
import { addDaemonMetrics } from '../metrics/daemon-metrics.ts';
import { addModuleInfo, addModuleMetrics } from '../metrics/module-metrics.ts';
import { MetricsText, metricsMediaType } from '../metrics/text.ts';
import type { Route } from '../request.ts';
import type { AdminWorld } from '../world.ts';

export function metricsRoutes(world: AdminWorld): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/metrics',
      isPublic: true,
      async answer() {
        const text = new MetricsText();
        await addDaemonMetrics(text, world);
        const rows = [...world.counters.sums()];
        addModuleMetrics(text, rows, world.events);
        const looks = world.publisher.folders();
        const sites = new Map(looks.map(({ folderKey, site }) => [folderKey, site]));
        addModuleInfo(text, rows, (folderKey) => sites.get(folderKey));
        return { kind: 'bytes', mediaType: metricsMediaType, bytes: String(text) };
      },
    },
  ];
}
