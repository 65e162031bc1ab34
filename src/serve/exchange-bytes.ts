/**
 * What the daemon holds for visitors: request bodies that have come, and replies that they have not
 * taken. Each is on the account of the site's owner, and bounded by client besides, so that nobody
 * can use up the share of a site that is not theirs.
 */

import { Counts } from '../account/counts.ts';
import { Holding, type Share } from '../account/share.ts';
import { inBytes } from '../amounts.ts';
import { TerrafirmaError } from '../errors.ts';
import type { ReadBody } from '../http/body.ts';
import { clientNetwork } from '../names.ts';

/** A smaller reply is taken at once by the system, or waits in the connection with others. */
export const uncountedBytesMax = 4 * 1024;

/** What each client makes one thread hold; clients are told apart by their network. */
export class ClientBytes {
  readonly #bytesMax: number;
  readonly #byClient = new Counts<string>();

  constructor(bytesPerClientMax: number) {
    this.#bytesMax = bytesPerClientMax;
  }

  get bytesMax(): number {
    return this.#bytesMax;
  }

  of(client: string): number {
    return this.#byClient.of(client);
  }

  /** Whoever has nothing yet may begin, however much it is. */
  tryAdd(client: string, bytes: number): boolean {
    const before = this.of(client);
    if (before > 0 && before + bytes > this.#bytesMax) return false;
    this.#byClient.add(client, bytes);
    return true;
  }

  release(client: string, bytes: number): void {
    this.#byClient.add(client, -bytes);
  }
}

export interface ExchangeBytesOptions {
  readonly clients: ClientBytes;
  readonly client: string;
  readonly share: Share;
}

/** What one exchange holds, until it is closed. */
export class ExchangeBytes {
  readonly #options: ExchangeBytesOptions;
  readonly #body: Holding;
  readonly #reply: Holding;
  #isClosed = false;

  constructor(options: ExchangeBytesOptions) {
    this.#options = options;
    this.#body = new Holding(options.share, 'request-body');
    this.#reply = new Holding(options.share, 'reply');
  }

  /** Adds a piece of the body; false where there is no room for it now. */
  tryAddBody(bytes: number): boolean {
    return this.#tryAdd(this.#body, bytes);
  }

  /** Adds bytes of a reply; false where there is no room for them now. */
  tryAddReply(bytes: number): boolean {
    return this.#tryAdd(this.#reply, bytes);
  }

  /**
   * Adds a reply.
   *
   * @throws TerrafirmaError `overloaded` where there is no room for it.
   */
  addReply(bytes: number): void {
    if (this.tryAddReply(bytes)) return;
    const { clients, client, share } = this.#options;
    share.requireRoom(bytes);
    throw new TerrafirmaError(
      'overloaded',
      `Cannot send the answer: ${inBytes(clients.bytesMax)} may wait for one client: received ` +
        `${clients.of(client) + bytes}`,
    );
  }

  /** So much of the reply has been taken. */
  removeReply(bytes: number): void {
    if (this.#isClosed) return;
    this.#options.clients.release(this.#options.client, bytes);
    this.#reply.set(this.#reply.bytes - bytes);
  }

  /** The client has it all, or is gone. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { clients, client } = this.#options;
    clients.release(client, this.#body.bytes + this.#reply.bytes);
    this.#body.close();
    this.#reply.close();
  }

  #tryAdd(holding: Holding, bytes: number): boolean {
    // What comes after the end is held by nobody for long.
    if (this.#isClosed) return true;
    const { clients, client } = this.#options;
    if (!clients.tryAdd(client, bytes)) return false;
    if (holding.tryAdd(bytes)) return true;
    clients.release(client, bytes);
    return false;
  }
}

/** What an exchange holds from here on; undefined where nobody counts. */
export function openBytes(
  clients: ClientBytes | undefined,
  share: Share | undefined,
  clientAddress: string,
): ExchangeBytes | undefined {
  if (clients === undefined || share === undefined) return undefined;
  return new ExchangeBytes({ clients, client: clientNetwork(clientAddress), share });
}

/**
 * What is here of a body that is passed on stays when the run that made it has ended: until the
 * answer has gone it is the exchange's.
 *
 * @throws TerrafirmaError `overloaded` where there is no room for it; the body is cancelled then.
 */
export function holdBody(body: ReadBody, open: () => ExchangeBytes | undefined): void {
  const { heldBytes = 0 } = body;
  if (heldBytes <= uncountedBytesMax) return;
  try {
    open()?.addReply(heldBytes);
  } catch (error) {
    body.cancel();
    throw error;
  }
}
