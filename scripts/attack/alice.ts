/**
 * Alice: an uninvolved owner with a function, a page, a deploy now and then, and visitors who come
 * for the first time. What an attack does to her is what counts. Touches the stage and loopback.
 */
import { Agent, request } from 'node:http';
import { type AttackStage, guestBytes } from './stage.ts';
import { machineMs } from './watching/machine-clock.ts';

const OWNER = 'alice';
/** Her key among the owners of the daemon. */
export const ownerKey = `/keybase/public/${OWNER}`;
const HOST_NAME = 'alice.example';
const CONNECTIONS = 4;
/** Between two requests of one connection: some 150 requests a second in all. */
const PAUSE_MS = 20;
const DEPLOY_EVERY_MS = 2_000;
const NEW_NAME_EVERY_MS = 1_000;
const STORE_EVERY_MS = 100;
/** A visitor who has waited so long has gone. */
const PATIENCE_MS = 30_000;
const POLL_MS = 25;
/** Numbers her visitors' requests, for whoever watches the daemon. */
export const visitField = 'x-visit';

/** One request for her function or her page. */
export interface Visit {
  readonly number: number;
  readonly kind: 'function' | 'page';
  /** Of the clock that the processes of a machine share. */
  readonly sentAtMs: number;
  readonly tookMs: number;
}

/** What Alice and her visitors met. */
export interface Experience {
  readonly latenciesMs: number[];
  /** Of these, those of her page: no guest is in the way of it, but a thread that reads files. */
  readonly pagesMs: number[];
  readonly visits: Visit[];
  /** Requests for her function and her page that failed: how each. */
  readonly failures: string[];
  readonly deploysMs: number[];
  readonly firstVisitsMs: number[];
  /** Values that her function stored. */
  readonly storesMs: number[];
}

interface Reply {
  readonly status: number;
  readonly text: string;
}

export class Alice {
  readonly #stage: AttackStage;
  #versions = 0;
  #newNames = 0;
  #visits = 0;

  constructor(stage: AttackStage) {
    this.#stage = stage;
    stage.put(OWNER, 'hello.wasm', guestBytes('hello'));
    stage.put(OWNER, 'version.wasm', guestBytes('v1'));
    stage.put(OWNER, 'page.html', 'Hello!');
    stage.put(OWNER, 'kv.wasm', guestBytes('kv'));
    stage.name(HOST_NAME, OWNER);
  }

  /** Waits until her site answers, as it will before any attack. */
  async settle(port: number): Promise<void> {
    await waitFor(async () => (await ask(port, HOST_NAME, '/hello.wasm')).status === 200);
    await waitFor(async () => (await ask(port, HOST_NAME, '/version.wasm')).status === 200);
    await waitFor(async () => (await ask(port, HOST_NAME, '/kv.wasm/get?0')).status !== 503);
  }

  /** Lives her life until `signal` is aborted. */
  async live(port: number, signal: AbortSignal): Promise<Experience> {
    const seen: Experience = {
      ...{
        latenciesMs: [],
        pagesMs: [],
        visits: [],
        failures: [],
        deploysMs: [],
        firstVisitsMs: [],
      },
      storesMs: [],
    };
    await Promise.all([
      ...Array.from({ length: CONNECTIONS }, () => this.#visit(port, seen, signal)),
      this.#deploy(port, seen, signal),
      this.#meetStrangers(port, seen, signal),
      this.#store(port, seen, signal),
    ]);
    return seen;
  }

  async #visit(port: number, seen: Experience, signal: AbortSignal): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let visit = 0; !signal.aborted; visit += 1) {
      const isPage = visit % 4 === 3;
      const path = isPage ? '/page.html' : '/hello.wasm';
      this.#visits += 1;
      const number = this.#visits;
      const sentAtMs = machineMs();
      const reply = await ask(port, HOST_NAME, path, { agent, number });
      const tookMs = machineMs() - sentAtMs;
      seen.latenciesMs.push(tookMs);
      if (isPage) seen.pagesMs.push(tookMs);
      seen.visits.push({ number, kind: isPage ? 'page' : 'function', sentAtMs, tookMs });
      if (reply.status !== 200) seen.failures.push(`${reply.status} ${reply.text.slice(0, 120)}`);
      await pause(PAUSE_MS);
    }
    agent.destroy();
  }

  async #store(port: number, seen: Experience, signal: AbortSignal): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let count = 0; !signal.aborted; count += 1) {
      const startedAtMs = performance.now();
      const path = `/kv.wasm/insert?${count % 100}=${count}`;
      const reply = await ask(port, HOST_NAME, path, { agent });
      seen.storesMs.push(performance.now() - startedAtMs);
      if (reply.status !== 200) seen.failures.push(`${reply.status} ${reply.text.slice(0, 120)}`);
      await pause(STORE_EVERY_MS);
    }
    agent.destroy();
  }

  async #deploy(port: number, seen: Experience, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#versions += 1;
      const version = this.#versions % 2 === 0 ? 1 : 2;
      this.#stage.put(OWNER, 'version.wasm', guestBytes(`v${version}`));
      const startedAtMs = performance.now();
      await waitFor(async () => {
        const { text } = await ask(port, HOST_NAME, '/version.wasm');
        return text === `version ${version}\n`;
      });
      seen.deploysMs.push(performance.now() - startedAtMs);
      await pause(DEPLOY_EVERY_MS);
    }
  }

  /** Each a name nobody has asked for, of a folder nobody has looked at. */
  async #meetStrangers(port: number, seen: Experience, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#newNames += 1;
      const owner = `stranger${this.#newNames}`;
      const hostName = `${owner}.example`;
      this.#stage.put(owner, 'hello.wasm', guestBytes('hello'));
      this.#stage.name(hostName, owner);
      const startedAtMs = performance.now();
      await waitFor(async () => (await ask(port, hostName, '/hello.wasm')).status === 200);
      seen.firstVisitsMs.push(performance.now() - startedAtMs);
      await pause(NEW_NAME_EVERY_MS);
    }
  }
}

/** One request; status 0 and the reason where no answer came. */
function ask(
  port: number,
  host: string,
  path: string,
  { agent, number }: { readonly agent?: Agent; readonly number?: number } = {},
): Promise<Reply> {
  const headers = { host, ...(number === undefined ? {} : { [visitField]: number }) };
  return new Promise((resolve) => {
    const failed = (error: Error): void => resolve({ status: 0, text: error.message });
    const outgoing = request(
      { host: '127.0.0.1', port, path, headers, agent: agent ?? false },
      (incoming) => {
        let text = '';
        incoming.setEncoding('latin1');
        incoming.on('data', (chunk: string) => {
          text += chunk;
        });
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
        incoming.on('error', failed);
      },
    );
    outgoing.setTimeout(PATIENCE_MS, () => outgoing.destroy(new Error('no answer in 30 s')));
    outgoing.on('error', failed);
    outgoing.end();
  });
}

/** Polls until `isSo`, or until patience ends: then the time that is measured says so. */
async function waitFor(isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!(await isSo()) && performance.now() < deadlineMs) await pause(POLL_MS);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
