/** `/v1/traces`: what one request did and when, where it was traced and not too long ago. */
import type { Span, TraceRecord } from '../../journal/trace-record.ts';
import { json, type Route } from '../request.ts';
import type { AdminWorld } from '../world.ts';

type Json = Readonly<Record<string, unknown>>;

export function traceRoutes({ traces }: Pick<AdminWorld, 'traces'>): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/traces/{}',
      answer({ params: [request = ''], query }) {
        const trace = traces?.traceOf(request);
        const folder = query.get('folder');
        // A page asks for any request: that one was not traced is no error.
        const isMeant = folder === null || trace?.attributes['terrafirma.folder'] === folder;
        const isShown = trace !== undefined && isMeant;
        return json({ request, trace: isShown ? describeTrace(trace) : null });
      },
    },
  ];
}

function describeTrace(trace: TraceRecord): Json {
  const { attributes, droppedSpans, endMs, name, spans, startMs, traceId } = trace;
  return {
    ...{ traceId, name, attributes, droppedSpans },
    startedAt: new Date(startMs).toISOString(),
    tookMs: endMs - startMs,
    /** By their beginnings, which count from that of the request. */
    spans: spans.map((span) => describeSpan(span, startMs)).sort((a, b) => a.atMs - b.atMs),
  };
}

function describeSpan(
  { attributes, endMs, isError, name, parent, startMs }: Span,
  fromMs: number,
): { readonly atMs: number } & Json {
  return { name, parent, isError, attributes, atMs: startMs - fromMs, tookMs: endMs - startMs };
}
