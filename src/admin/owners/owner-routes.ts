/**
 * What an owner may ask and do: the operators' verbs, narrowed to the one folder that the session
 * is for. A verb that is not in the table is not there. What belongs to another folder answers as
 * what does not exist, so nobody learns which other folders there are.
 */
import type { Journal } from '../../journal/journal.ts';
import { type FolderKey, type HostName, ownerOf } from '../../names.ts';
import type { Session } from '../dashboard/sessions.ts';
import { type AdminReply, type AdminRequest, notThere, type Route, refuse } from '../request.ts';
import { eventRoutes } from '../verbs/events.ts';
import { folderRoutes } from '../verbs/folders.ts';
import { historyRoutes } from '../verbs/history.ts';
import { kvRoutes } from '../verbs/kv.ts';
import { logRoutes } from '../verbs/log.ts';
import { nameRoutes } from '../verbs/names.ts';
import { scheduleRoutes } from '../verbs/schedules.ts';
import { topRoutes } from '../verbs/top.ts';
import { traceRoutes } from '../verbs/traces.ts';
import type { AdminWorld } from '../world.ts';
import { type Redaction, redact } from './redacted.ts';

export type OwnerSession = Session<FolderKey>;

export interface OwnerRoutesOptions {
  readonly world: AdminWorld;
  /** @throws TerrafirmaError `owner-session`. */
  readonly sessionOf: (request: AdminRequest) => OwnerSession;
  readonly redactionOf: (folderKey: FolderKey) => Redaction;
}

/** What narrows a request to the folder, or says that there is no such thing. */
type Narrow = (request: AdminRequest, folder: FolderKey, world: AdminWorld) => AdminRequest;

const ofFolder: Narrow = (request, folder) => {
  const [asked = ''] = request.params;
  return asked === folder ? request : notThere('folder in use or kept', asked);
};

const inQuery: Narrow = (request, folder) => withQuery(request, { folder });

const ofOwnName: Narrow = (request, _folder, { isOwnName }) => {
  const [asked = ''] = request.params;
  return isOwnName?.(asked as HostName) ? request : notThere('host name of the folder', asked);
};

/** To find out what it needs, also of a name that does not lead to the folder yet. */
const ofOwnOrListedName: Narrow = (request, folder, world) => {
  const [asked = ''] = request.params;
  const look = world.publisher.folders().find(({ folderKey }) => folderKey === folder);
  const isListed = look?.site?.settings?.hostNames?.includes(asked as HostName) === true;
  return isListed && folderAt(world, asked) === undefined
    ? request
    : ofOwnName(request, folder, world);
};

/** How the daemon as a whole is, is the operator's. */
const ofModules: Narrow = (request, folder) => {
  const of = request.query.get('of') ?? 'module';
  if (of !== 'module' && of !== 'cpu') refuse('"of" must be module or cpu', of);
  return withQuery(request, { folder, of });
};

const topics: Narrow = (request, folder) => {
  const wanted = request.query.get('topics') ?? 'log,deploys';
  if (wanted.split(',').includes('metrics')) refuse('"topics" must be log or deploys', wanted);
  return withQuery(request, { folder, topics: wanted });
};

const narrowed: Readonly<Record<string, Narrow>> = {
  'GET /v1/folders/{}': ofFolder,
  'GET /v1/folders/{}/modules/{}': ofFolder,
  'POST /v1/folders/{}/modules/{}/rollback': ofFolder,
  'DELETE /v1/folders/{}/modules/{}/rollback': ofFolder,
  'POST /v1/folders/{}/cron/run': ofFolder,
  'GET /v1/kv/{}/{}': ofFolder,
  'GET /v1/kv/{}/{}/{}': ofFolder,
  'PUT /v1/kv/{}/{}/{}': ofFolder,
  'DELETE /v1/kv/{}/{}/{}': ofFolder,
  'GET /v1/log': inQuery,
  'GET /v1/traces/{}': inQuery,
  'GET /v1/events': topics,
  'GET /v1/history': ofModules,
  'GET /v1/deploys': inQuery,
  'GET /v1/top': (request, folder) => withQuery(request, { folder, of: 'module' }),
  'GET /v1/dns/{}': ofOwnOrListedName,
  'POST /v1/dns/{}/refresh': ofOwnOrListedName,
  'GET /v1/doctor/{}': ofOwnOrListedName,
  'POST /v1/certificates/{}/renew': ofOwnName,
  'GET /v1/certificates': (request) => request,
};

export function ownerRoutes(options: OwnerRoutesOptions): readonly Route[] {
  const { sessionOf, world } = options;
  return verbsOf(world).flatMap((route): Route[] => {
    const name = `${route.method} ${route.path}`;
    const narrow = narrowed[name];
    if (narrow === undefined) return [];
    const answer = async (request: AdminRequest): Promise<AdminReply> => {
      const session = sessionOf(request);
      const own = worldOf(session, options);
      const verb = verbsOf(own).find(
        ({ method, path }) => method === route.method && path === route.path,
      );
      const actor = `owner ${session.id}` as const;
      const reply = await verb?.answer({ ...narrow(request, session.of, own), actor });
      return redactReply(reply ?? notThere('verb', name), options.redactionOf(session.of));
    };
    return [{ ...route, answer }];
  });
}

function verbsOf(world: AdminWorld): readonly Route[] {
  return [
    ...folderRoutes(world),
    ...scheduleRoutes(world),
    ...kvRoutes(world),
    ...logRoutes(world),
    ...traceRoutes(world),
    ...eventRoutes(world),
    ...historyRoutes(world),
    ...topRoutes(world),
    ...nameRoutes(world),
  ];
}

/** The world as this session sees it: its names alone, its lines without what is not for it. */
function worldOf(session: OwnerSession, options: OwnerRoutesOptions): AdminWorld {
  const { world } = options;
  const redaction = options.redactionOf(session.of);
  return {
    ...world,
    journal: journalOf(session, world.journal),
    showLine: (line) => redact(line, redaction),
    readLog: world.logTurns.readerFor(ownerOf(session.of)),
    // A folder may list what is another's: that one's certificates are not its business.
    isOwnName: (name) => folderAt(world, name) === session.of,
    doctor: { look: (name) => world.doctor.look(name, session.of) },
  };
}

/** Undefined: nobody has asked for that name lately. */
function folderAt({ hostNames }: AdminWorld, name: string): FolderKey | undefined {
  for (const [hostName, key] of hostNames()) if (hostName === name) return key;
  return undefined;
}

/** What an owner did is told as his, in his own log. */
function journalOf({ id: session, of: folderKey }: OwnerSession, journal: Journal): Journal {
  return {
    tell(kind, facts) {
      if (kind !== 'operator-action') {
        journal.tell(kind, facts);
        return;
      }
      const { action, target } = facts as { readonly action: string; readonly target: string };
      journal.tell('owner-action', { folderKey, action, target, session });
    },
  };
}

function withQuery(request: AdminRequest, fields: Readonly<Record<string, string>>): AdminRequest {
  const query = new URLSearchParams(request.query);
  for (const [name, value] of Object.entries(fields)) query.set(name, value);
  return { ...request, query };
}

function redactReply(reply: AdminReply, redaction: Redaction): AdminReply {
  if (reply.kind !== 'json') return reply;
  return { ...reply, value: redact(reply.value, redaction) as typeof reply.value };
}
