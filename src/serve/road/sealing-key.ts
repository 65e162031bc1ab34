/**
 * `/.well-known/terrafirma-sealing-key`: what seals secrets for a site. Public; the private keys
 * stay in the control plane.
 */
import { Buffer } from 'node:buffer';
import type { Site } from '../../site/table.ts';
import type { ControlLink } from '../../threads/control-link.ts';
import type { HttpExchange } from '../exchange.ts';

export const sealingKeyTarget = '/.well-known/terrafirma-sealing-key';
/** One question to the control plane in so long, however many ask. */
const keptMs = 10_000;

export interface SealingKeyOptions {
  readonly link: Pick<ControlLink, 'ask'>;
  /** The path of a folder of this machine is nobody's to know. */
  readonly isFolderMode: boolean;
  readonly nowMs: () => number;
}

export class SealingKeyDoor {
  readonly #options: SealingKeyOptions;
  #kept: { readonly id: string; readonly publicKey: string; readonly atMs: number } | undefined;

  constructor(options: SealingKeyOptions) {
    this.#options = options;
  }

  /** Answers whatever the method: there is nothing else at that address. */
  async answer(exchange: HttpExchange, site: Site): Promise<void> {
    const { id, publicKey } = await this.#newest();
    const folder = this.#options.isFolderMode ? {} : { folder: site.folderKey };
    const text = JSON.stringify({ version: 1, id, publicKey, ...folder });
    const headers = [
      ['content-type', 'application/json'],
      ['cache-control', 'no-store'],
    ] as const;
    exchange.send({ status: 200, headers }, new TextEncoder().encode(`${text}\n`));
  }

  async #newest() {
    const { link, nowMs } = this.#options;
    if (this.#kept !== undefined && nowMs() - this.#kept.atMs < keptMs) return this.#kept;
    const { id, publicKey } = await link.ask({ ask: 'sealing-key' }, 'sealing-key');
    this.#kept = { id, publicKey: Buffer.from(publicKey).toString('base64url'), atMs: nowMs() };
    return this.#kept;
  }
}
