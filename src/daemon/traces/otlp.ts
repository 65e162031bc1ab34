/** One request of OTLP over HTTP, in JSON (opentelemetry-proto, collector/trace/v1). Pure. */
import { attributesText, type SpanAttributes } from '../../journal/span-text.ts';
import type { TraceLines } from './trace-lines.ts';

/**
 * Puts the body around traces: their threads have written the spans already. There is one body at
 * a time, in memory that is used again: half a megabyte for each would have V8 collect all day.
 */
export class TraceBody {
  readonly #head: Buffer;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(resource: SpanAttributes) {
    this.#head = Buffer.from(
      `{"resourceSpans":[{"resource":{"attributes":[${attributesText(resource)}]},` +
        '"scopeSpans":[{"scope":{"name":"terrafirma"},"spans":[\n',
    );
  }

  /** Holds until the next one is made. */
  of(parts: readonly TraceLines[]): Buffer {
    const pieces = [this.#head, ...parts.map(({ bytes }) => bytes), end];
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (length > this.#bytes.length) this.#bytes = Buffer.allocUnsafeSlow(2 * length);
    let at = 0;
    for (const piece of pieces) at += piece.copy(this.#bytes, at);
    // The comma of the last span stands before its line end.
    this.#bytes[length - end.length - 2] = space;
    return this.#bytes.subarray(0, length);
  }
}

const end = Buffer.from(']}]}]}');
const space = 0x20;
