/** A serving thread's engine for tests: real guests, judged and metered as the deploy road does. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCatalogue } from '../../src/abi/catalogue.ts';
import { Account } from '../../src/account/account.ts';
import { createSharedAccount } from '../../src/account/shared.ts';
import type { Shares } from '../../src/account/shares.ts';
import { defaultLimits, type Limits } from '../../src/config/config.ts';
import { buildArtifact, formsOf } from '../../src/deploy/build/artifact.ts';
import { programFrom } from '../../src/deploy/build/program.ts';
import type { AttemptCounts } from '../../src/engine/attempt/attempt-record.ts';
import type { RestoreMode } from '../../src/engine/restore/snapshot.ts';
import type { RunReport } from '../../src/engine/run/report.ts';
import type { RunLimits } from '../../src/engine/run/run-limits.ts';
import { GuestPool } from '../../src/engine/supply/pool.ts';
import type { ReadBody } from '../../src/http/body.ts';
import type { Header, ReplyHead } from '../../src/http/message.ts';
import type { OwnerKey } from '../../src/names.ts';
import { createLedger, LedgerPage } from '../../src/threads/ledger.ts';
import type { LoadedModule } from '../../src/threads/messages.ts';
import { RecordingExchange, type SentReply, World } from '../support/abi-world.ts';

export interface EngineOptions {
  readonly limits?: Partial<Limits>;
  readonly restoreMode?: RestoreMode | 'never';
  readonly attempts?: 'always' | 'never';
  /** Shared by the threads of one process. */
  readonly account?: SharedArrayBuffer;
  /** Of the process, where no account is given. */
  readonly bytesMax?: number;
  readonly onHeldBack?: (owner: OwnerKey) => void;
}

/** An exchange whose client can go away, and whose body may be late. */
export class TestExchange extends RecordingExchange {
  lateBody: Promise<Uint8Array> | undefined;
  #onGone: (() => void) | undefined;
  #isBodyRead = false;
  #head: ReplyHead | undefined;
  readonly #chunks: Uint8Array[] = [];
  readonly #whole = Promise.withResolvers<void>();
  trailers: readonly Header[] = [];
  isBroken = false;

  override onGone(listener?: () => void): void {
    this.#onGone = listener;
  }

  override async readBody(): Promise<Uint8Array> {
    return this.lateBody ?? super.readBody();
  }

  /** All of the body in one piece. */
  override async readChunk(): Promise<Uint8Array | undefined> {
    if (this.#isBodyRead) return undefined;
    this.#isBodyRead = true;
    return this.readBody();
  }

  override get replyState(): 'none' | 'started' | 'ended' {
    if (this.#head !== undefined && this.sent === undefined) return 'started';
    return super.replyState;
  }

  override start(head?: ReplyHead): void {
    this.#head = head;
  }

  override async write(chunk: Uint8Array = new Uint8Array(0)): Promise<void> {
    this.#chunks.push(Uint8Array.from(chunk));
  }

  override end(): void {
    if (this.#head !== undefined) this.send(this.#head, Buffer.concat(this.#chunks));
  }

  /** What `sendPiped` was given, as it comes; a body that breaks off breaks the answer off. */
  override sendPiped(head?: ReplyHead, body?: ReadBody): void {
    this.start(head);
    void this.#follow(body);
  }

  async #follow(body: ReadBody | undefined): Promise<void> {
    try {
      for (let piece = await body?.read(); piece !== undefined; piece = await body?.read()) {
        await this.write(piece);
      }
      this.trailers = body?.trailers ?? [];
      this.end();
    } catch {
      this.isBroken = true;
    }
    this.#whole.resolve();
  }

  override abort(): void {
    this.isBroken = true;
  }

  /** Resolves when a piped answer has come to its end, good or bad. */
  get whole(): Promise<void> {
    return this.#whole.promise;
  }

  /** The client goes away. */
  goAway(): void {
    this.#onGone?.();
  }
}

export interface Answer {
  readonly report: RunReport;
  readonly reply: SentReply | undefined;
  readonly text: string;
}

export interface RequestPlan {
  readonly target?: string;
  readonly siteKey?: string;
  /** That of the site, where it is left out. */
  readonly owner?: string;
  readonly client?: string;
  readonly body?: string;
  readonly lateBody?: Promise<Uint8Array>;
  readonly world?: World;
  readonly limits?: RunLimits;
}

export class Engine implements Disposable {
  readonly limits: Limits;
  readonly ledger = createLedger(1);
  readonly page: LedgerPage;
  readonly account: Account;
  readonly pool: GuestPool;

  constructor(options: EngineOptions = {}) {
    this.limits = { ...defaultLimits, ...options.limits };
    this.page = new LedgerPage(this.ledger, 0);
    this.account = new Account(options.account ?? openAccount(options, this.limits), 0);
    const { abis } = createCatalogue(this.limits);
    const { restoreMode, attempts } = options;
    const { limits, page, account } = this;
    const nowMs = (): number => performance.now();
    const { onHeldBack } = options;
    const fixed = { restoreMode, attempts };
    this.pool = new GuestPool({ limits, abis, page, account, nowMs, onHeldBack, ...fixed });
  }

  /** One of our guests by name, or a module's bytes. */
  load(guest: string | Uint8Array): LoadedModule {
    const bytes = typeof guest === 'string' ? guestBytes(guest) : guest;
    const { judgeModule: judge, judgeComponent } = createCatalogue(this.limits);
    const { limits } = this;
    const artifact = buildArtifact(Uint8Array.from(bytes), { limits, judge, judgeComponent });
    const { digest, abi, entry, cores } = artifact;
    const modules = formsOf(cores).map((form) => new WebAssembly.Module(form));
    const codeBytes = cores.reduce((sum, { code }) => sum + code.length, 0);
    const program = programFrom(artifact, modules);
    return { digest, abi, entry, program, codeBytes, isOptimised: true };
  }

  async run(loaded: LoadedModule, plan: RequestPlan = {}): Promise<Answer> {
    const { exchange, report } = this.begin(loaded, plan);
    return answerOf(exchange, await report);
  }

  /** Begins a run without waiting for it. */
  begin(
    loaded: LoadedModule,
    plan: RequestPlan = {},
  ): { readonly exchange: TestExchange; readonly report: Promise<RunReport> } {
    const target = plan.target ?? '/guest.wasm';
    const [, query] = target.split('?');
    const asked = query === undefined ? { target } : { target, query };
    const exchange = new TestExchange(asked, Buffer.from(plan.body ?? ''));
    exchange.lateBody = plan.lateBody;
    const guest = this.pool.acquire(loaded, sharesOf(plan), plan.limits);
    const report = Promise.resolve(guest.run(exchange, plan.world ?? new World()));
    return { exchange, report };
  }

  /** How guests are restored now, for those who ask without a plan. */
  modeOf(loaded: LoadedModule): RestoreMode {
    return this.pool.modeOf(loaded, sharesOf().owner);
  }

  /** What became of attempts, for the same. */
  attemptsOf(loaded: LoadedModule): AttemptCounts {
    return this.pool.attemptsOf(loaded, sharesOf().owner);
  }

  [Symbol.dispose](): void {
    this.pool.close();
  }
}

export function sharesOf(plan: RequestPlan = {}): Shares {
  const site = plan.siteKey ?? '/folder';
  return { owner: (plan.owner ?? site) as OwnerKey, site, client: plan.client ?? '192.0.2.7' };
}

function openAccount({ bytesMax = 8 * 1024 ** 3 }: EngineOptions, limits: Limits) {
  return createSharedAccount({ threads: 1, bytesMax, memoriesMax: limits.instancesMax });
}

export function answerOf(exchange: RecordingExchange, report: RunReport): Answer {
  const reply = exchange.sent;
  const text = reply === undefined ? '' : Buffer.from(reply.body).toString();
  return { report, reply, text };
}

export function guestBytes(name: string): Uint8Array {
  return readFileSync(join(import.meta.dirname, `../guests/${name}.wasm`));
}
