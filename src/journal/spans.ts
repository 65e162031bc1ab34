/**
 * What one request did and when, for whoever traces requests: times and names alone, put together
 * as OTLP by the control plane. Made for requests that are sampled; the others pay nothing.
 */
import { getRandomValues } from 'node:crypto';

export type SpanValue = string | number | boolean;

/** Times are milliseconds since the Unix epoch, with fractions. */
export interface Span {
  readonly name: string;
  readonly parent: 'request' | 'run';
  readonly startMs: number;
  readonly endMs: number;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, SpanValue>>;
}

/** One traced request: plain data, it crosses threads. */
export interface TraceRecord {
  /** 32 and 16 hex digits. */
  readonly traceId: string;
  readonly spanId: string;
  /** Of whoever sent it, where that is believed. */
  readonly parentId?: string;
  /** What a visitor says who is not believed. */
  readonly link?: TraceParent;
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly isError: boolean;
  readonly attributes: Readonly<Record<string, SpanValue>>;
  /** `guest.run` is the parent of those that say `run`. */
  readonly spans: readonly Span[];
  /** Those that were too many. */
  readonly droppedSpans: number;
}

/** The header of W3C Trace Context. */
export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
}

const spansPerRequestMax = 128;
const traceParent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;

/** Undefined for what breaks the form (W3C Trace Context, section 3.2.2). */
export function parseTraceParent(text: string | undefined): TraceParent | undefined {
  const [, version, traceId = '', spanId = '', flags = ''] = traceParent.exec(text ?? '') ?? [];
  if (version === undefined || version === 'ff') return undefined;
  if (version === '00' && text?.length !== 55) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export interface SpansOptions {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId?: string | undefined;
  readonly link?: TraceParent | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
  /** Whether servers elsewhere are told of the trace. */
  readonly propagates: boolean;
}

/** What is seen of a request while it is under way. */
export class RequestSpans {
  readonly traceId: string;
  readonly spanId: string;
  readonly startMs: number;
  readonly #options: SpansOptions;
  readonly #spans: Span[] = [];
  #dropped = 0;

  constructor(options: SpansOptions) {
    this.traceId = options.traceId;
    this.spanId = options.spanId;
    this.#options = options;
    this.startMs = options.nowMs();
  }

  /** For a request that the run makes; undefined where nobody else is to know. */
  get header(): string | undefined {
    return this.#options.propagates ? `00-${this.traceId}-${this.spanId}-01` : undefined;
  }

  /** Resolves or rejects as `work` does, and knows how long that took. */
  async watch<T>(
    name: string,
    parent: Span['parent'],
    work: () => Promise<T>,
    attributes: Span['attributes'] = {},
  ): Promise<T> {
    const end = this.begin(name, parent, attributes);
    try {
      const result = await work();
      end(false);
      return result;
    } catch (error) {
      end(true);
      throw error;
    }
  }

  /** Begins a span; the returned function ends it. */
  begin(
    name: string,
    parent: Span['parent'],
    attributes: Span['attributes'] = {},
  ): (isError: boolean, more?: Span['attributes']) => void {
    const { nowMs } = this.#options;
    const startMs = nowMs();
    return (isError, more) => {
      if (this.#spans.length >= spansPerRequestMax) {
        this.#dropped += 1;
        return;
      }
      const all = more === undefined ? attributes : { ...attributes, ...more };
      this.#spans.push({ name, parent, startMs, endMs: nowMs(), isError, attributes: all });
    };
  }

  end(about: Pick<TraceRecord, 'attributes' | 'isError' | 'name'>): TraceRecord {
    const { link, nowMs, parentId } = this.#options;
    return {
      ...{ traceId: this.traceId, spanId: this.spanId, ...about },
      ...(parentId === undefined ? {} : { parentId }),
      ...(link === undefined ? {} : { link }),
      ...{ startMs: this.startMs, endMs: nowMs() },
      ...{ spans: this.#spans, droppedSpans: this.#dropped },
    };
  }
}

/** Random digits, made many at a time: asking the system for each would cost more than the span. */
export class RandomIds {
  readonly #bytes = new Uint8Array(4_096);
  #at = this.#bytes.length;

  /** Not all zeros: such an id means none. */
  hex(bytes: number): string {
    if (this.#at + bytes > this.#bytes.length) {
      getRandomValues(this.#bytes);
      this.#at = 0;
    }
    const digits = Buffer.from(this.#bytes.buffer, this.#at, bytes).toString('hex');
    this.#at += bytes;
    return /[1-9a-f]/.test(digits) ? digits : this.hex(bytes);
  }
}
