/** The body of the request that a run answers, as it arrives. */
import { firstField } from '../../http/fields.ts';
import type { Header } from '../../http/message.ts';
import type { Exchange } from '../abi.ts';
import type { SourceBody } from './contents.ts';

export type ReadableExchange = Pick<
  Exchange,
  'readChunk' | 'hasBody' | 'request' | 'bodyTrailers' | 'givesBodyAway'
>;

/** How long the visitor said that the body is, in bytes; undefined where nothing says it. */
export function declaredBytes({
  hasBody,
  request,
}: Pick<ReadableExchange, 'hasBody' | 'request'>): number | undefined {
  if (!hasBody) return 0;
  const length = firstField(request.headers, 'content-length')?.trim() ?? '';
  return /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}

/** Whoever has it is its only reader. What is left of it is the exchange's to deal with. */
export class ExchangeBody implements SourceBody {
  readonly knownBytes: number | undefined;
  readonly isEmpty: boolean;
  readonly #exchange: ReadableExchange;
  #isAtEnd: boolean;

  constructor(exchange: ReadableExchange) {
    this.#exchange = exchange;
    this.isEmpty = !exchange.hasBody;
    this.#isAtEnd = this.isEmpty;
    this.knownBytes = declaredBytes(exchange);
  }

  get trailers(): readonly Header[] {
    return this.#exchange.bodyTrailers ?? [];
  }

  async read(): Promise<Uint8Array | undefined> {
    while (!this.#isAtEnd) {
      const piece = await this.#exchange.readChunk();
      if (piece === undefined) this.#isAtEnd = true;
      else if (piece.length > 0) return piece;
    }
    return undefined;
  }

  cancel(): void {
    this.#isAtEnd = true;
  }
}
