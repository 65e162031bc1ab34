/**
 * An attacker's browsers at the owners' dashboard: they sign in, and ask for more than a page does.
 * Touches loopback sockets and the attacker's folder.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Target } from './attack.ts';
import { attackerAddress } from './clients.ts';
import { PANEL_NAME } from './stage.ts';

const SIGN_IN_MS_MAX = 10_000;
const POLL_MS = 500;

export interface PanelReply {
  /** 0: no answer came. */
  readonly status: number;
  readonly text: string;
}

export class PanelBrowser {
  readonly #target: Target;
  readonly #localAddress: string;
  readonly #agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  readonly #cookies = new Map<string, string>();

  /** One of the attackers' addresses each. */
  constructor(target: Target, client: number) {
    this.#target = target;
    this.#localAddress = attackerAddress(client);
  }

  /** Asks for a code, and writes it into the folder of `owner`; whether that was in time. */
  async signIn(owner: string, site: string, signal: AbortSignal): Promise<boolean> {
    const code = await this.askForCode(site);
    if (code === undefined) return false;
    const folder = join(this.#target.mountDirectory, 'public', owner);
    const directory = join(folder, '.terrafirma', 'sign-in');
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, code), '');
    const deadlineMs = performance.now() + SIGN_IN_MS_MAX;
    while (!signal.aborted && performance.now() < deadlineMs) {
      const { text } = await this.ask('GET', '/v1/sign-in');
      if (text.includes('signed-in')) return true;
      await pause(POLL_MS);
    }
    return false;
  }

  async askForCode(site: string): Promise<string | undefined> {
    const { text } = await this.ask('POST', '/v1/sign-in', JSON.stringify({ site }));
    return /"code":"([0-9a-z]+)"/.exec(text)?.[1];
  }

  /** The whole answer, or of a stream what comes until it ends. */
  ask(
    method: string,
    path: string,
    body?: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<PanelReply> {
    const { tlsPort: port } = this.#target;
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    return new Promise((resolve) => {
      const outgoing = request(
        {
          ...{ host: '127.0.0.1', port, method, path, agent: this.#agent },
          ...{ servername: PANEL_NAME, localAddress: this.#localAddress },
          headers: {
            ...{ host: PANEL_NAME, origin: `https://${PANEL_NAME}`, cookie, ...headers },
            'content-type': 'application/json',
          },
        },
        (incoming) => {
          for (const line of incoming.headers['set-cookie'] ?? []) this.#keep(line);
          let text = '';
          incoming.setEncoding('utf8');
          incoming.on('data', (piece: string) => {
            // Streams go on for as long as they are let.
            if (text.length < 64 * 1024) text += piece;
          });
          incoming.on('close', () => resolve({ status: incoming.statusCode ?? 0, text }));
          incoming.on('error', () => incoming.destroy());
        },
      );
      outgoing.on('error', () => resolve({ status: 0, text: '' }));
      outgoing.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #keep(line: string): void {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) this.#cookies.set(name, value);
  }
}
