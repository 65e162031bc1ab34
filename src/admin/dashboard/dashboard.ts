/**
 * The operator's dashboard: its page, who has signed in to it, and the address of this machine that
 * is opened for it when somebody asks. Touches the network.
 */
import { createHash, randomBytes } from 'node:crypto';
import { TokenBucket } from '../../account/token-buckets.ts';
import { TerrafirmaError } from '../../errors.ts';
import { Door, isSame } from '../door.ts';
import { AdminListener, type AdminListenerOptions } from '../listener.ts';
import {
  type AdminReply,
  type AdminRequest,
  bodyOf,
  countOf,
  type JsonReply,
  json,
  type Route,
  textOf,
} from '../request.ts';
import { Assets } from './assets.ts';
import { pageRoutes } from './page-routes.ts';
import { Sessions } from './sessions.ts';
import { Tickets } from './tickets.ts';

export interface DashboardOptions extends Pick<AdminListenerOptions, 'journal' | 'limits'> {
  readonly stateDirectory: string;
  readonly version: string;
  /** All verbs, those of the dashboard among them. */
  readonly routes: () => readonly Route[];
  /** Of the listeners that show one; undefined where there is none. */
  readonly token: () => string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: () => number;
  /** A clock that only goes forward. */
  readonly nowMs: () => number;
}

interface Open {
  readonly listener: AdminListener;
  readonly port: number;
  readonly timer: NodeJS.Timeout;
  readonly untilMs: number;
}

const host = '127.0.0.1';
const openMs = 8 * 3_600_000;
const sessionsMax = 64;
const tokenCharsMax = 1_000;
/** Guesses at what nobody can guess cost nothing but lines of the log. */
const triesRule = { burst: 10, perSecond: 10 / 60 };

export class Dashboard {
  readonly sessions: Sessions<'operator'>;
  readonly assets = new Assets();
  readonly #options: DashboardOptions;
  readonly #tickets: Tickets;
  readonly #tries: TokenBucket;
  #open: Open | undefined;
  /** What was asked for last. */
  #opening: Promise<unknown> = Promise.resolve();

  constructor(options: DashboardOptions) {
    this.#options = options;
    this.#tickets = new Tickets(options.wallMs);
    this.#tries = new TokenBucket(triesRule, options.nowMs());
    // Cookies know no ports: two daemons of one machine must not take each other's.
    const mark = createHash('sha256').update(options.stateDirectory).digest('hex').slice(0, 8);
    this.sessions = new Sessions({
      cookieName: `tf-${mark}`,
      isSecure: false,
      idleMsMax: openMs,
      ageMsMax: openMs,
      sessionsMax,
      nowMs: options.wallMs,
    });
  }

  routes(): readonly Route[] {
    return [
      ...pageRoutes(this.assets, 'operator'),
      { method: 'POST', path: '/v1/dashboard', answer: (request) => this.#answerOpen(request) },
      { method: 'GET', path: '/v1/session', answer: (request) => this.#describe(request) },
      {
        method: 'POST',
        path: '/v1/session',
        isOpen: true,
        answer: (request) => this.#signIn(request),
      },
      { method: 'DELETE', path: '/v1/session', answer: (request) => this.#signOut(request) },
    ];
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    clearTimeout(open?.timer);
    await open?.listener.close();
  }

  /** Only who may operate the daemon anyhow gets a link. */
  async #answerOpen(request: AdminRequest): Promise<AdminReply> {
    const { journal } = this.#options;
    const { port: wanted } = bodyOf(request);
    const query = new URLSearchParams(wanted === undefined ? {} : { port: String(wanted) });
    const port = countOf({ query }, 'port', { fallback: 0, min: 0, max: 65_535 });
    const { port: settled, untilMs } = await this.#listen(port);
    const target = `http://${host}:${settled}`;
    journal.tell('operator-action', { action: 'dashboard', target, actor: request.actor });
    return json({
      url: `${target}/#token=${this.#tickets.issue()}`,
      port: settled,
      until: new Date(untilMs).toISOString(),
    });
  }

  /** One after the other: the second of two who ask at once gets what was opened for the first. */
  async #listen(port: number): Promise<Open> {
    const listen = (): Promise<Open> => this.#listenNow(port);
    const opening = this.#opening.then(listen, listen);
    this.#opening = opening;
    return await opening;
  }

  /** What is open stays open, unless another port is asked for. */
  async #listenNow(port: number): Promise<Open> {
    if (this.#open !== undefined && (port === 0 || port === this.#open.port)) return this.#open;
    const { journal, limits, nowMs, routes, wallMs } = this.#options;
    const listener = new AdminListener({
      ...{ journal, limits, routes: routes() },
      // A token that nobody is told: there is no other way in than a link.
      door: (authorities) =>
        new Door({
          ...{ authorities, nowMs, token: randomBytes(32).toString('base64url') },
          hasSession: (headers) => this.sessions.find(headers) !== undefined,
        }),
      sessionOf: (headers) => this.sessions.find(headers)?.id,
    });
    const settled = await this.#bind(listener, port);
    await this.close();
    const timer = setTimeout(() => void this.close(), openMs).unref();
    this.#open = { listener, port: settled, timer, untilMs: wallMs() + openMs };
    return this.#open;
  }

  async #bind(listener: AdminListener, port: number): Promise<number> {
    try {
      return await listener.listenAtPort(host, port);
    } catch (cause) {
      await listener.close();
      const reason = cause instanceof Error ? cause.message : String(cause);
      const detail = `Cannot open the dashboard: the port must be free: received ${reason}`;
      throw new TerrafirmaError('admin-request', detail, { cause });
    }
  }

  #signIn(request: AdminRequest): AdminReply {
    const { journal, nowMs, token } = this.#options;
    const shown = textOf(bodyOf(request).token, 'token', tokenCharsMax);
    const known = token();
    const isRight = this.#tickets.redeem(shown) || (known !== undefined && isSame(shown, known));
    if (!isRight) {
      if (!this.#tries.take(1, nowMs())) throw new TerrafirmaError('admin-tries');
      throw new TerrafirmaError('admin-token');
    }
    const { session, setCookie } = this.sessions.begin('operator', request.address);
    journal.tell('operator-action', { action: 'sign-in', target: session.id, actor: 'session' });
    return { ...this.#described('session'), headers: { 'set-cookie': setCookie } };
  }

  #signOut({ headers }: AdminRequest): AdminReply {
    const session = this.sessions.find(headers);
    if (session !== undefined) this.sessions.end(session.id);
    return { ...json({ ended: true }), headers: { 'set-cookie': this.sessions.clearCookie } };
  }

  #describe({ actor }: AdminRequest): AdminReply {
    return this.#described(actor);
  }

  #described(actor: AdminRequest['actor']): JsonReply {
    const { version } = this.#options;
    const sessions = this.sessions.list().map(({ id, address, startedAtMs, seenAtMs }) => ({
      ...{ id, address },
      startedAt: new Date(startedAtMs).toISOString(),
      seenAt: new Date(seenAtMs).toISOString(),
    }));
    return json({ role: 'operator', actor, version, sessions });
  }
}
