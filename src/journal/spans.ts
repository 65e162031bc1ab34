/**
 * What one request did and when, for whoever traces requests. Made for requests that are sampled;
 * the others pay nothing.
 */
import { quote } from './json-text.ts';
import {
  attributesText,
  linkText,
  type SpanAttributes,
  type SpanKind,
  type SpanWords,
  type SpanWriter,
} from './span-text.ts';
import { formatTraceParent, type TraceIds, type TraceParent } from './trace-parent.ts';

/** Below a request and its runs, together; what is more is counted. */
const spansPerRequestMax = 128;

/** A guest chooses a part of some. */
const nameCharsMax = 300;

/** What the spans of one thread share. */
export interface SpansWorld {
  readonly ids: TraceIds;
  readonly writer: SpanWriter;
  /** A clock that only goes forward, in milliseconds. */
  readonly nowMs: () => number;
  /** Whether servers elsewhere are told of the trace. */
  readonly propagates: boolean;
}

export interface SpansOrigin {
  readonly traceId: string;
  /** Of whoever sent it, where that is believed. */
  readonly parentId?: string | undefined;
  readonly link?: TraceParent | undefined;
  readonly startedAtMs: number;
  /** What that clock lacks of the time since the Unix epoch. */
  readonly epochMs: number;
}

/** Ends a span that has begun. */
export type EndSpan = (isError: boolean, attributes?: SpanAttributes) => void;

/** Under which spans may stand. */
interface Above {
  readonly spanId: string;
}

/** What is seen of a request while it is under way. */
export class RequestSpans implements Above {
  readonly traceId: string;
  readonly spanId: string;
  readonly world: SpansWorld;
  readonly #origin: SpansOrigin;
  /** Those that have ended, each with a comma before it. */
  #ended = '';
  #count = 0;
  #dropped = 0;

  constructor(world: SpansWorld, origin: SpansOrigin) {
    this.world = world;
    this.traceId = origin.traceId;
    this.spanId = world.ids.spanId();
    this.#origin = origin;
  }

  /** Resolves or rejects as `work` does, and knows how long that took. */
  async watch<T>(name: string, work: () => Promise<T>, above: Above = this): Promise<T> {
    const end = this.begin(name, 'internal', above);
    try {
      const result = await work();
      end(false);
      return result;
    } catch (error) {
      end(true);
      throw error;
    }
  }

  begin(name: string, kind: SpanKind, above: Above = this): EndSpan {
    const startMs = this.world.nowMs();
    return (isError, attributes) => {
      if (!this.takePlace()) return;
      this.add({
        ...{ spanId: this.world.ids.spanId(), parentId: above.spanId, kind, startMs, isError },
        name: quote(name.slice(0, nameCharsMax)),
        attributes: attributes === undefined ? '' : attributesText(attributes),
      });
    };
  }

  /** Below it stands what the guest asks of others. */
  beginRun(isColdStart: boolean): RunSpans {
    return new RunSpans(this, isColdStart);
  }

  /** Whether there is room for one span more. */
  takePlace(): boolean {
    if (this.#count >= spansPerRequestMax) {
      this.#dropped += 1;
      return false;
    }
    this.#count += 1;
    return true;
  }

  /** A span that ends now; `startMs` is of the thread's clock. */
  add(span: Omit<SpanWords, 'endMs' | 'links' | 'traceId'>): void {
    const { nowMs, writer } = this.world;
    const { epochMs } = this.#origin;
    const startMs = span.startMs + epochMs;
    const endMs = nowMs() + epochMs;
    const { attributes, isError, kind, name, parentId, spanId } = span;
    const { traceId } = this;
    const about = { traceId, spanId, parentId, name, kind, attributes, isError };
    this.#ended += `,${writer.write({ ...about, startMs, endMs, links: '' })}`;
  }

  /** All of it, as a line: the request's own span first, and after each span a comma. */
  end(about: Pick<SpanWords, 'attributes' | 'isError' | 'name'> & { tookMs: number }): string {
    const { epochMs, link, parentId, startedAtMs } = this.#origin;
    const startMs = startedAtMs + epochMs;
    const own = this.world.writer.write({
      ...{ traceId: this.traceId, spanId: this.spanId, parentId, kind: 'server' },
      ...{ name: about.name, isError: about.isError, startMs, endMs: startMs + about.tookMs },
      attributes: about.attributes + this.#droppedText(),
      links: link === undefined ? '' : linkText(link),
    });
    return `${own}${this.#ended},\n`;
  }

  /** Behind the other attributes, of which a request has some. */
  #droppedText(): string {
    if (this.#dropped === 0) return '';
    return `,${attributesText({ [droppedSpansKey]: this.#dropped })}`;
  }
}

/** How many spans were too many. */
export const droppedSpansKey = 'terrafirma.dropped_spans';

const guestRun = '"guest.run"';
const coldStart = attributesText({ 'faas.coldstart': true });
const warmStart = attributesText({ 'faas.coldstart': false });

/** What is seen of one run of a module, for a request that is traced. */
export class RunSpans implements Above {
  readonly spanId: string;
  readonly #request: RequestSpans;
  readonly #startMs: number;
  readonly #isColdStart: boolean;
  readonly #hasPlace: boolean;

  constructor(request: RequestSpans, isColdStart: boolean) {
    const { ids, nowMs } = request.world;
    this.#request = request;
    this.#isColdStart = isColdStart;
    // At its beginning: what it asks of others must not take its own place.
    this.#hasPlace = request.takePlace();
    this.spanId = this.#hasPlace ? ids.spanId() : request.spanId;
    this.#startMs = nowMs();
  }

  /** For a request that the run makes; undefined where nobody else is to know. */
  get header(): string | undefined {
    const { traceId, world } = this.#request;
    return world.propagates ? formatTraceParent({ traceId, spanId: this.spanId }) : undefined;
  }

  watch<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#request.watch(name, work, this);
  }

  begin(name: string, kind: SpanKind): EndSpan {
    return this.#request.begin(name, kind, this);
  }

  end(isError: boolean): void {
    if (!this.#hasPlace) return;
    const { spanId } = this;
    const attributes = this.#isColdStart ? coldStart : warmStart;
    const words = { kind: 'internal', name: guestRun, startMs: this.#startMs } as const;
    this.#request.add({ ...words, spanId, parentId: this.#request.spanId, isError, attributes });
  }
}
