/** `/healthz` and `/readyz`: for whoever starts, watches and balances daemons. */
import { type AdminReply, json, type Route } from '../request.ts';
import type { AdminWorld } from '../world.ts';

/** A thread whose heartbeat is older does not serve right now. */
const beatAgeMsMax = 5_000;

type Health = Pick<AdminWorld, 'control' | 'engine' | 'publisher' | 'threads'>;

export function healthRoutes(world: Health): readonly Route[] {
  const isPublic = { method: 'GET', isPublic: true } as const;
  return [
    { ...isPublic, isOpen: true, path: '/healthz', answer: () => reportHealth(world) },
    { ...isPublic, path: '/readyz', answer: () => reportReadiness(world) },
  ];
}

/** That it answers at all says that the control plane turns. */
function reportHealth({ threads }: Health): AdminReply {
  const turning = turningThreads(threads.looks());
  return json({ status: turning > 0 ? 'ok' : 'no-thread', turning }, turning > 0 ? 200 : 503);
}

function reportReadiness({ control, engine, publisher, threads }: Health): AdminReply {
  const looks = threads.looks();
  const turning = turningThreads(looks);
  const listening = looks.filter(({ isListening }) => isListening).length;
  const away = publisher.folders().filter(({ state }) => state === 'away').length;
  // Files, modules without stores and kept certificates go on without it: no reason to be left out.
  const cluster = engine()?.state.state;
  const checks = { threads: turning, listening, foldersAway: away, ...(cluster && { cluster }) };
  const isWell = away === 0 && (cluster === undefined || cluster === 'ready');
  if (control.isDraining) return json({ status: 'draining', checks }, 503);
  if (listening === 0) return json({ status: 'starting', checks }, 503);
  if (turning === 0) return json({ status: 'no-thread', checks }, 503);
  return json({ status: isWell ? 'ready' : 'degraded', checks });
}

function turningThreads(looks: ReturnType<AdminWorld['threads']['looks']>): number {
  return looks.filter(({ isListening, beatAgeMs }) => isListening && beatAgeMs < beatAgeMsMax)
    .length;
}
