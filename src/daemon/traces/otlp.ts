/**
 * Traces as OTLP says them in JSON (opentelemetry-proto, trace/v1; ids as hex digits, 64-bit
 * numbers as text). Pure.
 */
import { RandomIds, type SpanValue, type TraceRecord } from '../../journal/spans.ts';

export type Attributes = Readonly<Record<string, SpanValue>>;

const kinds = { internal: 1, server: 2, client: 3 } as const;
const statusError = 2;

/** The body of one request of the exporter. */
export function formatTraces(records: readonly TraceRecord[], resource: Attributes): string {
  const ids = new RandomIds();
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [
          { scope: { name: 'terrafirma' }, spans: records.flatMap((each) => spansOf(each, ids)) },
        ],
      },
    ],
  });
}

function spansOf(record: TraceRecord, ids: RandomIds): readonly object[] {
  const { droppedSpans, link, parentId, spanId, spans, traceId } = record;
  const run = ids.hex(8);
  const hasRun = spans.some(({ name }) => name === guestRun);
  return [
    {
      ...common(record, { traceId, spanId, kind: kinds.server }),
      ...(parentId === undefined ? {} : { parentSpanId: parentId }),
      ...(link === undefined ? {} : { links: [{ traceId: link.traceId, spanId: link.spanId }] }),
      ...(droppedSpans === 0 ? {} : { droppedEventsCount: droppedSpans }),
    },
    ...spans.map((span) => ({
      ...common(span, {
        traceId,
        spanId: span.name === guestRun ? run : ids.hex(8),
        kind: span.name.startsWith('outbound ') ? kinds.client : kinds.internal,
      }),
      parentSpanId: span.parent === 'run' && hasRun ? run : spanId,
    })),
  ];
}

/** Below it stands what the guest asks of others. */
const guestRun = 'guest.run';

function common(
  span: Pick<TraceRecord, 'attributes' | 'endMs' | 'isError' | 'name' | 'startMs'>,
  ids: { readonly traceId: string; readonly spanId: string; readonly kind: number },
): object {
  return {
    ...ids,
    name: span.name,
    startTimeUnixNano: nanoseconds(span.startMs),
    endTimeUnixNano: nanoseconds(span.endMs),
    attributes: attributesOf(span.attributes),
    status: span.isError ? { code: statusError } : {},
  };
}

/** A double holds milliseconds of today to a quarter of a microsecond. */
function nanoseconds(ms: number): string {
  const whole = Math.floor(ms);
  const rest = Math.round((ms - whole) * 1_000_000);
  return String(BigInt(whole) * 1_000_000n + BigInt(rest));
}

function attributesOf(attributes: Attributes): readonly object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: otlpValue(value) }));
}

function otlpValue(value: SpanValue): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
