/**
 * Which requests of a serving thread are traced. Their traces go as lines into a queue in shared
 * memory, which the control plane empties. Nobody waits for it; what has no room is counted.
 */
import type { TelemetryConfig } from '../../config/config.ts';
import { firstField } from '../../http/fields.ts';
import type { RequestHead } from '../../http/message.ts';
import { quote } from '../../journal/json-text.ts';
import type { RequestRecord } from '../../journal/request-record.ts';
import { attributesText, SpanWriter } from '../../journal/span-text.ts';
import { RequestSpans, type SpansWorld } from '../../journal/spans.ts';
import { parseTraceParent, TraceIds } from '../../journal/trace-parent.ts';
import { requestIdKey } from '../../journal/trace-record.ts';
import type { Clocks } from '../clocks.ts';

export interface TracerOptions {
  readonly telemetry: Pick<TelemetryConfig, 'propagates' | 'sampleRatio'>;
  /** Where a trace goes, as a line; false: it has no room there. */
  readonly put: (line: string) => boolean;
  readonly onDropped: () => void;
  readonly clocks: Clocks;
}

/** Beyond this the clocks have parted: somebody set one, or the machine slept. */
const driftMsMax = 20;

export class Tracer {
  readonly #options: TracerOptions;
  /** Traces whose first 32 bits are below this are sampled. */
  readonly #threshold: number;
  readonly #world: SpansWorld;
  readonly #ids = new TraceIds();
  readonly #words = new RequestWords();
  #epochMs: number;

  constructor(options: TracerOptions) {
    const { clocks, telemetry } = options;
    this.#options = options;
    this.#threshold = Math.round(telemetry.sampleRatio * 0x1_0000_0000);
    const { propagates } = telemetry;
    this.#world = { ids: this.#ids, writer: new SpanWriter(), nowMs: clocks.nowMs, propagates };
    this.#epochMs = clocks.wallMs() - clocks.nowMs();
  }

  /** Undefined: the request is not traced. `startedAtMs` is of the clock that goes forward. */
  begin(request: Pick<RequestHead, 'headers'>, startedAtMs: number): RequestSpans | undefined {
    const said = parseTraceParent(firstField(request.headers, 'traceparent'));
    // It stands in a head only where a proxy said it that the operator trusts.
    const isTrusted = said !== undefined && firstField(request.headers, forwarded) !== undefined;
    if (said !== undefined && isTrusted) {
      if (!said.isSampled) return undefined;
      const { spanId: parentId, traceId } = said;
      return this.#open({ traceId, parentId, startedAtMs });
    }
    if (this.#threshold === 0) return undefined;
    const traceId = this.#ids.traceId();
    if (Number.parseInt(traceId.slice(0, 8), 16) >= this.#threshold) return undefined;
    return this.#open({ traceId, link: said, startedAtMs });
  }

  /** Once `record.wallUs` is known. */
  end(spans: RequestSpans, record: RequestRecord): void {
    const { attributes, name } = this.#words.of(record);
    const isError = record.status >= 500;
    const line = spans.end({ attributes, isError, name, tookMs: record.wallUs / 1_000 });
    if (!this.#options.put(line)) this.#options.onDropped();
  }

  #open(origin: {
    readonly traceId: string;
    readonly parentId?: string;
    readonly link?: ReturnType<typeof parseTraceParent>;
    readonly startedAtMs: number;
  }): RequestSpans {
    const { nowMs, wallMs } = this.#options.clocks;
    const epochMs = wallMs() - nowMs();
    if (Math.abs(epochMs - this.#epochMs) > driftMsMax) this.#epochMs = epochMs;
    return new RequestSpans(this.#world, { ...origin, epochMs: this.#epochMs });
  }
}

const forwarded = 'x-forwarded-for';

/** As OpenTelemetry's conventions for HTTP and functions name it. A thread often tells the same. */
class RequestWords {
  #of: RequestRecord | undefined;
  #name = '';
  #attributes = '';

  of(record: RequestRecord): { readonly name: string; readonly attributes: string } {
    if (this.#of === undefined || !areAlike(this.#of, record)) {
      this.#of = record;
      this.#name = quote(nameOf(record));
      this.#attributes = attributesText(lastingAttributes(record));
    }
    const { cpuUs, errorCode, id, outcome, status } = record;
    const cpu =
      cpuUs === undefined ? '' : `,{"key":"terrafirma.cpu_us","value":{"intValue":"${cpuUs}"}}`;
    const error = errorCode === undefined ? '' : `,${attributesText({ 'error.type': errorCode })}`;
    return {
      name: this.#name,
      attributes:
        `{"key":"${requestIdKey}","value":{"stringValue":"${id}"}},${this.#attributes}` +
        `,{"key":"http.response.status_code","value":{"intValue":"${status}"}}` +
        `,{"key":"terrafirma.outcome","value":{"stringValue":"${outcome}"}}${cpu}${error}`,
    };
  }
}

function areAlike(one: RequestRecord, other: RequestRecord): boolean {
  return (
    one.method === other.method &&
    one.hostName === other.hostName &&
    one.folderKey === other.folderKey &&
    one.modulePath === other.modulePath &&
    one.digest === other.digest &&
    (one.outcome === 'file') === (other.outcome === 'file')
  );
}

function lastingAttributes({ digest, folderKey, hostName, method, modulePath }: RequestRecord) {
  return {
    'http.request.method': method,
    'server.address': hostName,
    ...(modulePath === undefined ? {} : { 'faas.name': modulePath }),
    ...(digest === undefined ? {} : { 'faas.version': digest }),
    ...(folderKey === undefined ? {} : { 'terrafirma.folder': folderKey }),
  };
}

/** Paths are strangers' to choose: a route is a module, or a file. */
function nameOf({ method, modulePath, outcome }: RequestRecord): string {
  const route = modulePath === undefined ? (outcome === 'file' ? 'file' : '') : `/${modulePath}`;
  return `${method} ${route}`.trim();
}
