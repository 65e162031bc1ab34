/**
 * The owners' dashboard: its page under a host name of its own, who has signed in to which folder,
 * and what they may do. Serving threads bring its requests by a socket that nobody else can open.
 * Touches the network.
 */
import { rmSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { TerrafirmaError } from '../../errors.ts';
import { clientNetwork, type FolderKey, ownerOf } from '../../names.ts';
import type { GuardedFs } from '../../outside/mount/guarded-fs.ts';
import type { LocatedFolder } from '../../outside/mount/locate.ts';
import { clientHeader } from '../../threads/panel.ts';
import type { Assets } from '../dashboard/assets.ts';
import { pageRoutes } from '../dashboard/page-routes.ts';
import { Sessions } from '../dashboard/sessions.ts';
import { Door } from '../door.ts';
import { AdminListener } from '../listener.ts';
import {
  type AdminReply,
  type AdminRequest,
  bodyOf,
  json,
  notThere,
  type Route,
  textOf,
} from '../request.ts';
import type { AdminWorld } from '../world.ts';
import { KeptSessions } from './kept-sessions.ts';
import { type OwnerSession, ownerRoutes } from './owner-routes.ts';
import { ProofWatch } from './proof-watch.ts';
import { networkOf, type Redaction } from './redacted.ts';
import { SignIns } from './sign-ins.ts';

export interface OwnerPanelOptions {
  readonly world: AdminWorld;
  readonly assets: Assets;
  /**
   * The folder that a host name leads to, or that is named by its path. Rejects with
   * TerrafirmaError where there is none.
   */
  readonly findFolder: (site: string, address: string) => Promise<LocatedFolder>;
  /** As a visitor would, so that there is something to see of it. */
  readonly use: (folderKey: FolderKey) => void;
  readonly locate: (folderKey: FolderKey) => Promise<LocatedFolder>;
  readonly fsOf: (mountDirectory: string, folderKey: FolderKey) => GuardedFs;
  readonly redactionOf: (folderKey: FolderKey) => Redaction;
  readonly nowMs: () => number;
}

const idleMsMax = 8 * 3_600_000;
const ageMsMax = 7 * 86_400_000;
const sessionsMax = 10_000;
/** More than an owner has browsers; all that he may sign in must not push out others'. */
const sessionsPerOwnerMax = 200;
const siteCharsMax = 1_000;

export class OwnerPanel {
  readonly #options: OwnerPanelOptions;
  readonly #signIns: SignIns;
  readonly #watch: ProofWatch;
  readonly #sessions: Sessions<FolderKey>;
  readonly #kept: KeptSessions;
  /** Folders that were taken into use for somebody who is signed in. */
  readonly #inUse = new Set<FolderKey>();
  readonly #listener: AdminListener;
  #path: string | undefined;

  constructor(options: OwnerPanelOptions) {
    const { fsOf, locate, nowMs, world } = options;
    this.#options = options;
    this.#signIns = new SignIns(world.nowMs);
    const { journal } = world;
    this.#watch = new ProofWatch({ signIns: this.#signIns, locate, fsOf, journal });
    this.#sessions = new Sessions({
      ...{ cookieName: '__Host-tf', isSecure: true, idleMsMax, ageMsMax, sessionsMax },
      ...{ holderOf: ownerOf, sessionsPerHolderMax: sessionsPerOwnerMax },
      nowMs: world.nowMs,
      onChange: (change) => this.#kept.note(change),
    });
    const { stateDirectory } = world.config;
    this.#kept = new KeptSessions({
      ...{ stateDirectory, journal },
      rows: () => this.#sessions.rows(),
    });
    this.#sessions.restore(this.#kept.read());
    this.#listener = new AdminListener({
      ...{ journal, limits: world.config.limits, routes: this.#routes() },
      door: () => new Door({ token: undefined, authorities: 'of the gateway', nowMs }),
      sessionOf: (headers) => this.#sessions.find(headers)?.id,
      holderOf: (headers) => this.#holderOf(headers),
      addressOf,
    });
  }

  /** Rejects with the error of the system. */
  async listen(path: string): Promise<void> {
    // One that a killed daemon has left: the state's lock says that there is no other.
    rmSync(path, { force: true });
    await this.#listener.listenAtSocket(path);
    this.#path = path;
  }

  async close(): Promise<void> {
    this.#watch.close();
    await this.#listener.close();
    await this.#kept.flush();
    if (this.#path !== undefined) rmSync(this.#path, { force: true });
  }

  /** Browsers that are signed in to the folder, as its owner is told of them. */
  sessionsOf(folderKey: FolderKey): readonly Readonly<Record<string, unknown>>[] {
    return this.#sessions
      .list()
      .filter((session) => session.of === folderKey)
      .map(({ address, id, seenAtMs, startedAtMs }) => ({
        ...{ id, address: networkOf(address) },
        startedAt: new Date(startedAtMs).toISOString(),
        seenAt: new Date(seenAtMs).toISOString(),
      }));
  }

  /** Whoever is about to sign in is his network. */
  #holderOf(headers: IncomingHttpHeaders): string {
    const session = this.#sessions.find(headers);
    return session === undefined ? clientNetwork(addressOf(headers)) : ownerOf(session.of);
  }

  #routes(): readonly Route[] {
    const { assets, redactionOf, world } = this.#options;
    const open = { isOpen: true } as const;
    return [
      ...pageRoutes(assets, 'owner'),
      { ...open, method: 'POST', path: '/v1/sign-in', answer: (request) => this.#begin(request) },
      { ...open, method: 'GET', path: '/v1/sign-in', answer: (request) => this.#finish(request) },
      { method: 'GET', path: '/v1/session', answer: (request) => this.#describe(request) },
      { method: 'DELETE', path: '/v1/sessions/{}', answer: (request) => this.#end(request) },
      ...ownerRoutes({ world, redactionOf, sessionOf: (request) => this.#require(request) }),
    ];
  }

  /** The same answer, after the same time, whether there is such a site or not. */
  #begin(request: AdminRequest): AdminReply {
    const site = textOf(bodyOf(request).site, 'site', siteCharsMax);
    const { code, lead, setCookie, untilMs } = this.#signIns.begin(request.address);
    const follow = async (): Promise<void> => {
      const { key } = await this.#options.findFolder(site, request.address);
      lead(key);
      this.#watch.start();
    };
    // Who is told that there is none learns which folders there are: the code just never works.
    follow().catch(() => undefined);
    const until = new Date(untilMs).toISOString();
    return { ...json({ code, until }), headers: { 'set-cookie': setCookie } };
  }

  #finish({ headers }: AdminRequest): AdminReply {
    const state = this.#signIns.take(headers);
    if (state.kind !== 'proven') return json({ state: state.kind });
    const { address, folderKey } = state;
    const { session, setCookie } = this.#sessions.begin(folderKey, address);
    this.#tell(session, 'sign-in', networkOf(address));
    return { ...json({ state: 'signed-in' }), headers: { 'set-cookie': setCookie } };
  }

  #describe(request: AdminRequest): AdminReply {
    const { id, of: folder } = this.#require(request);
    const { version } = this.#options.world;
    return json({ role: 'owner', version, folder, id, sessions: this.sessionsOf(folder) });
  }

  async #end(request: AdminRequest): Promise<AdminReply> {
    const session = this.#require(request);
    const [id = ''] = request.params;
    const isOwn = this.sessionsOf(session.of).some((other) => other.id === id);
    if (!isOwn || !this.#sessions.end(id)) notThere('session', id);
    this.#tell(session, 'end-session', id);
    // Whoever is told that it has ended need not fear that a crash brings it back.
    await this.#kept.flush();
    if (id !== session.id) return json({ ended: id });
    return { ...json({ ended: id }), headers: { 'set-cookie': this.#sessions.clearCookie } };
  }

  #require({ headers }: AdminRequest): OwnerSession {
    const session = this.#sessions.find(headers);
    if (session === undefined) throw new TerrafirmaError('owner-session');
    this.#use(session.of);
    return session;
  }

  /** Once: after a restart the first page that is asked for takes the folder into use. */
  #use(folderKey: FolderKey): void {
    if (this.#inUse.has(folderKey)) return;
    if (this.#inUse.size >= sessionsMax) this.#inUse.clear();
    this.#inUse.add(folderKey);
    this.#options.use(folderKey);
  }

  #tell({ id: session, of: folderKey }: OwnerSession, action: string, target: string): void {
    const { journal } = this.#options.world;
    journal.tell('owner-action', { folderKey, action, target, session });
  }
}

function addressOf(headers: IncomingHttpHeaders): string {
  const said = headers[clientHeader];
  return typeof said === 'string' ? said : '';
}
