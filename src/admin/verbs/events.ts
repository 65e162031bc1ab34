/** `/v1/events`: what changes, as one stream of events for a page that stays open. */
import type { EventStream } from '../event-stream.ts';
import { readLogFilter } from '../log-filter.ts';
import { type AdminReply, type AdminRequest, type Route, refuse } from '../request.ts';
import type { AdminWorld } from '../world.ts';
import { followLog, lastIdOf } from './log.ts';

const topics = ['metrics', 'log', 'deploys'] as const;
type Topic = (typeof topics)[number];

/** Where a stream is: a place of the log, and a number of the deploys. */
interface Cursor {
  logPlace: number;
  deployId: number;
}

export function eventRoutes(world: AdminWorld): readonly Route[] {
  return [{ method: 'GET', path: '/v1/events', answer: (request) => openStream(world, request) }];
}

function openStream(world: AdminWorld, request: AdminRequest): AdminReply {
  const wanted = readTopics(request.query.get('topics'));
  const filter = readLogFilter(request);
  const folder = request.query.get('folder');
  const cursor = readCursor(world, lastIdOf(request));
  return {
    kind: 'events',
    run(stream) {
      if (wanted.has('deploys')) sendDeploys(stream, { world, cursor, folder });
      if (wanted.has('metrics')) sendMetrics(stream, world);
      if (!wanted.has('log')) return;
      const { log, readLog, showLine, startedAtMs } = world;
      const from = cursor.logPlace;
      const idOf = (place: number): string => {
        cursor.logPlace = place;
        return formatCursor(world, cursor);
      };
      const shown = showLine === undefined ? {} : { showLine };
      void followLog(stream, { log, readLog, startedAtMs, filter, from, idOf, ...shown });
    },
  };
}

function readTopics(text: string | null): ReadonlySet<Topic> {
  const names = text === null ? topics : text.split(',');
  const unknown = names.find((name) => !topics.some((topic) => topic === name));
  if (unknown !== undefined) refuse(`"topics" must be some of ${topics.join(', ')}`, unknown);
  return new Set(names as readonly Topic[]);
}

function sendDeploys(
  stream: EventStream,
  at: { readonly world: AdminWorld; readonly cursor: Cursor; readonly folder: string | null },
): void {
  const { cursor, folder, world } = at;
  const { events, isWhole } = world.events.after(cursor.deployId);
  if (!isWhole) stream.send({ name: 'gap', data: '{"topic":"deploys"}' });
  const send = ({ atMs, event, id }: (typeof events)[number]): void => {
    cursor.deployId = id;
    if (folder !== null && event.facts.folderKey !== folder) return;
    const { kind, facts, text: msg } = event;
    const told = { time: new Date(atMs).toISOString(), event: kind, msg, ...facts };
    const data = JSON.stringify(world.showLine?.(told) ?? told);
    stream.send({ name: 'deploy', data, id: formatCursor(world, cursor) });
  };
  for (const event of events) send(event);
  stream.onClose(world.events.onDeploy(send));
}

/** The same text for all: whoever reads slowly misses some of it. */
function sendMetrics(stream: EventStream, { pulse }: AdminWorld): void {
  stream.onClose(pulse.watch((data) => stream.send({ name: 'metrics', data })));
}

function formatCursor({ startedAtMs }: AdminWorld, { deployId, logPlace }: Cursor): string {
  return [startedAtMs, logPlace, deployId].map((part) => part.toString(36)).join('-');
}

/** Without one: what is to come. Of an earlier daemon: all that there is. */
function readCursor(world: AdminWorld, id: string | undefined): Cursor {
  if (id === undefined) return { logPlace: world.log.end, deployId: world.events.lastId };
  const [daemon, place = Number.NaN, deploy = Number.NaN] = id
    .split('-')
    .map((part) => Number.parseInt(part, 36));
  const isOurs = daemon === world.startedAtMs && place >= 0 && deploy >= 0;
  if (!isOurs) return { logPlace: 0, deployId: 0 };
  return {
    logPlace: Math.min(place, world.log.end),
    deployId: Math.min(deploy, world.events.lastId),
  };
}
