/** `/v1/history` and `/v1/deploys`: what plots are drawn of. */
import { type AdminRequest, countOf, json, type Route, refuse, rowsMax } from '../request.ts';
import type { AdminWorld } from '../world.ts';

type HistoryWorld = Pick<AdminWorld, 'daemonSeries' | 'events' | 'moduleSeries'>;
type Json = Readonly<Record<string, unknown>>;

const stepsMax = 1_440;

export function historyRoutes(world: HistoryWorld): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/history',
      answer: (request) => json(readHistory(world, request)),
    },
    {
      method: 'GET',
      path: '/v1/deploys',
      answer: (request) => json(listDeploys(world, request)),
    },
  ];
}

function readHistory(world: HistoryWorld, request: AdminRequest): Json {
  const { query } = request;
  const of = query.get('of') ?? 'daemon';
  const folder = query.get('folder') ?? undefined;
  const module = query.get('module') ?? undefined;
  switch (of) {
    case 'daemon': {
      const stepS = countOf(request, 'stepS', { fallback: 1, min: 1, max: 60 });
      if (stepS !== 1 && stepS !== 60) refuse('"stepS" must be 1 or 60', String(stepS));
      const steps = countOf(request, 'steps', { fallback: stepsMax, min: 1, max: stepsMax });
      const { endsAtMs, ...rest } = world.daemonSeries.read(stepS, steps);
      return { of, endsAt: iso(endsAtMs), ...rest };
    }
    case 'module': {
      const { endsAtMs, ...rest } = world.moduleSeries.read({ folder, module });
      return { of, endsAt: iso(endsAtMs), ...rest };
    }
    case 'cpu': {
      const { endsAtMs, ...rest } = world.moduleSeries.cpu({ folder, module });
      return { of, endsAt: iso(endsAtMs), ...rest };
    }
    default:
      return refuse('"of" must be daemon, module or cpu', of);
  }
}

/** The newest first. */
function listDeploys({ events }: HistoryWorld, request: AdminRequest): Json {
  const limit = countOf(request, 'limit', { fallback: 100, min: 1, max: rowsMax });
  const sinceMs = countOf(request, 'sinceMs', {
    fallback: 0,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  });
  const folder = request.query.get('folder');
  const module = request.query.get('module');
  const deploys = events
    .after(0)
    .events.filter(
      ({ atMs, event: { facts } }) =>
        atMs >= sinceMs &&
        (folder === null || facts.folderKey === folder) &&
        (module === null || facts.modulePath === module),
    )
    .slice(-limit)
    .reverse();
  return {
    deploys: deploys.map(({ atMs, event }) => ({
      time: iso(atMs),
      event: event.kind,
      msg: event.text,
      folder: event.facts.folderKey ?? null,
      module: event.facts.modulePath ?? null,
      digest: event.facts.digest ?? null,
      reason: event.facts.reason ?? null,
    })),
  };
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}
