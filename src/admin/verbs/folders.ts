/** `/v1/folders`: which folders are in use, what became of their modules, and rollbacks. */
import type { Config } from '../../config/config.ts';
import type { FolderLook } from '../../deploy/folder/folder-look.ts';
import type { ListedModule } from '../../deploy/keep/versions.ts';
import { TerrafirmaError } from '../../errors.ts';
import { type FolderKey, type ModulePath, ownerOf } from '../../names.ts';
import { grantsFor, limitsFor, type SiteSettings } from '../../site/settings.ts';
import type { SiteModule } from '../../site/table.ts';
import {
  type AdminRequest,
  bodyOf,
  json,
  notThere,
  pageOf,
  type Route,
  refuse,
  textOf,
} from '../request.ts';
import type { AdminWorld } from '../world.ts';
import { describeSchedules } from './schedules.ts';

type FolderWorld = Pick<AdminWorld, 'hostNames' | 'journal' | 'nowMs' | 'publisher' | 'threads'> & {
  readonly configInForce: () => Pick<Config, 'limits'>;
};
type Json = Readonly<Record<string, unknown>>;

export function folderRoutes(world: FolderWorld): readonly Route[] {
  const rollback = '/v1/folders/{}/modules/{}/rollback';
  return [
    { method: 'GET', path: '/v1/folders', answer: (request) => json(listFolders(world, request)) },
    {
      method: 'GET',
      path: '/v1/folders/{}',
      answer: async (request) => json(await describeFolder(world, request.params[0] ?? '')),
    },
    {
      method: 'GET',
      path: '/v1/folders/{}/modules/{}',
      answer: async ({ params: [key = '', path = ''] }) =>
        json({ module: await describeModule(world, key, path) }),
    },
    {
      method: 'POST',
      path: rollback,
      answer: async (request) => {
        const digest = textOf(bodyOf(request).digest, 'digest', 64);
        return json(await rollBack(world, request, digest));
      },
    },
    {
      method: 'POST',
      path: '/v1/folders/{}/modules/{}/accept',
      answer: async (request) => json(await acceptCopy(world, request)),
    },
    {
      method: 'DELETE',
      path: rollback,
      answer: async (request) => json(await rollBack(world, request, 'newest')),
    },
  ];
}

function listFolders(world: FolderWorld, request: AdminRequest): Json {
  const names = namesByFolder(world);
  const { query } = request;
  const only = query.get('only');
  if (only !== null && only !== 'wrong') refuse('"only" must be wrong', only);
  const find = (query.get('find') ?? '').toLowerCase();
  const looks = world.publisher.folders().filter((look) => {
    if (only === 'wrong' && !hasTrouble(look)) return false;
    const texts = [look.folderKey, ...(names.get(look.folderKey) ?? [])];
    return find === '' || texts.some((text) => text.toLowerCase().includes(find));
  });
  const { rows, cursor } = pageOf(looks, ({ folderKey }) => folderKey, request);
  return { folders: rows.map((look) => summary(look, names)), cursor };
}

function hasTrouble({ refused, state }: FolderLook): boolean {
  return refused > 0 || state === 'away' || state === 'closed';
}

function namesByFolder({ hostNames }: FolderWorld): ReadonlyMap<FolderKey, readonly string[]> {
  const names = new Map<FolderKey, string[]>();
  for (const [hostName, folderKey] of hostNames()) {
    const known = names.get(folderKey);
    if (known === undefined) names.set(folderKey, [hostName]);
    else known.push(hostName);
  }
  return names;
}

function summary(look: FolderLook, names: ReadonlyMap<FolderKey, readonly string[]>): Json {
  const { directory, folderKey, isJudged, reason, refused, serving, state } = look;
  return {
    folder: folderKey,
    owner: ownerOf(folderKey),
    directory,
    state,
    reason: reason ?? null,
    isJudged,
    hostNames: names.get(folderKey) ?? [],
    modules: { serving, refused },
  };
}

async function describeFolder(world: FolderWorld, key: string): Promise<Json> {
  const look = world.publisher.folders().find(({ folderKey }) => folderKey === key);
  const kept = await world.publisher.versions(key);
  if (look === undefined && kept.length === 0) notThere('folder in use or kept', key);
  const paths = new Set<ModulePath>([
    ...(look?.site?.modules.keys() ?? []),
    ...kept.map(({ modulePath }) => modulePath),
  ]);
  const modules = [...paths].sort().map((path) =>
    moduleOf(path, {
      live: look?.site?.modules.get(path),
      kept: kept.find(({ modulePath }) => modulePath === path),
      settings: look?.site?.settings,
      ceilings: ceilingsOf(world.configInForce()),
    }),
  );
  const known =
    look === undefined
      ? { folder: key, state: 'idle', hostNames: [] }
      : summary(look, namesByFolder(world));
  const settings = look?.site?.settings;
  return {
    ...known,
    listedHostNames: settings?.hostNames ?? null,
    middleware: (settings?.middleware?.rules ?? []).map(({ links }) => links),
    stores: describeStores(settings),
    schedules: settings?.cron?.length ?? 0,
    cron: describeSchedules(settings?.cron ?? [], world.nowMs()),
    modules,
  };
}

/** What modules of the folder have under a name; values are theirs. */
function describeStores(settings: SiteSettings | undefined): Json {
  const { acls, backends, configStores, keyValueStores, secretStores } = settings ?? {};
  return {
    kv: keyValueStores ?? [],
    config: [...(configStores?.keys() ?? [])],
    secrets: [...(secretStores?.keys() ?? [])],
    acls: [...(acls?.keys() ?? [])],
    backends: [...(backends?.keys() ?? [])],
  };
}

async function describeModule(world: FolderWorld, key: string, path: string): Promise<Json> {
  const { modules } = await describeFolder(world, key);
  const found = (modules as readonly Json[]).find(({ module }) => module === path);
  return found ?? notThere('module', `${key}/${path}`);
}

function ceilingsOf({ limits }: Pick<Config, 'limits'>): Json {
  const { cpuMsMax, memoryBytesMax, requestBodyBytesMax, runsPerSiteMax, wallMsMax } = limits;
  return {
    ...{ cpuMs: cpuMsMax, wallMs: wallMsMax, memoryBytes: memoryBytesMax },
    ...{ requestBodyBytes: requestBodyBytesMax, runs: runsPerSiteMax },
  };
}

function moduleOf(
  path: ModulePath,
  known: {
    readonly live: SiteModule | undefined;
    readonly kept: ListedModule | undefined;
    readonly settings: SiteSettings | undefined;
    readonly ceilings: Json;
  },
): Json {
  const { kept, live, settings } = known;
  const error = live?.kind === 'refused' ? live.error : undefined;
  const verdict = live === undefined ? 'gone' : live.kind;
  return {
    module: path,
    verdict,
    abi: live?.kind === 'serving' ? live.abi : null,
    digest: live?.kind === 'serving' ? live.digest : null,
    error: error === undefined ? null : { code: error.code, detail: error.detail },
    /** Why the file as it is now is not what serves. */
    refusal: kept?.refusal ?? null,
    isPinned: kept?.isPinned ?? false,
    /** It stands before others, and answers nobody by its own name. */
    isLink: settings?.middleware?.links.has(path) ?? false,
    limits: settings === undefined ? {} : limitsFor(settings, path),
    /** The operator's, under the same names: more is not had, whatever is asked for. */
    ceilings: known.ceilings,
    grants: settings === undefined ? {} : grantsFor(settings, path),
    versions: (kept?.versions ?? []).map((version) => ({
      digest: version.digest,
      abi: version.abi,
      bytes: version.bytes,
      acceptedAt: new Date(version.acceptedAtMs).toISOString(),
      isServing: version.isServing,
      isQuarantined: version.isQuarantined,
      runsSlowly: version.unoptimised ?? null,
    })),
  };
}

/** Of several nodes: what this one's copy shows is published, though it is older. */
async function acceptCopy(
  { journal, publisher, threads }: FolderWorld,
  { actor, params: [folder = '', module = ''] }: AdminRequest,
): Promise<Json> {
  const path = module as ModulePath;
  await publisher.acceptCopy(folder as FolderKey, path).catch(refuseAsRequest);
  journal.tell('operator-action', { action: 'accept', target: `${folder}/${module}`, actor });
  await threads.ask({ ask: 'sync' });
  return { folder, module };
}

/** The command line's word for it. */
function refuseAsRequest(error: unknown): never {
  if (!(error instanceof TerrafirmaError) || error.code !== 'usage') throw error;
  throw new TerrafirmaError('admin-request', error.message, { cause: error });
}

/** Every thread serves it before the answer. */
async function rollBack(
  { journal, publisher, threads }: FolderWorld,
  { actor, params: [folder = '', module = ''] }: AdminRequest,
  digest: string,
): Promise<Json> {
  const path = module as ModulePath;
  const version = await publisher
    .rollBack(folder as FolderKey, path, digest)
    .catch(refuseAsRequest);
  const action = digest === 'newest' ? 'unpin' : 'rollback';
  const target = `${folder}/${module} ${version.digest}`;
  journal.tell('operator-action', { action, target, actor });
  await threads.ask({ ask: 'sync' });
  return { folder, module, digest: version.digest };
}
