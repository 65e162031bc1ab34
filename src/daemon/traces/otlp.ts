/** One request of OTLP over HTTP, in JSON (opentelemetry-proto, collector/trace/v1). Pure. */
import { attributesText, type SpanAttributes } from '../../journal/span-text.ts';
import type { TraceLines } from './trace-lines.ts';

/** Puts the body around traces: their threads have written the spans already. */
export class TraceBody {
  readonly #head: Buffer;

  constructor(resource: SpanAttributes) {
    this.#head = Buffer.from(
      `{"resourceSpans":[{"resource":{"attributes":[${attributesText(resource)}]},` +
        '"scopeSpans":[{"scope":{"name":"terrafirma"},"spans":[\n',
    );
  }

  of(parts: readonly TraceLines[]): Buffer {
    const whole = Buffer.concat([this.#head, ...parts.map(({ bytes }) => bytes), end]);
    // The comma of the last span stands before its line end.
    whole[whole.length - end.length - 2] = space;
    return whole;
  }
}

const end = Buffer.from(']}]}]}');
const space = 0x20;
