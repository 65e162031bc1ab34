/** The settings of traces, with the variables that all programs of OpenTelemetry share. */
import { optional, text, ValueFault, type ValueKind, yesOrNo } from './kinds.ts';
import { define } from './setting.ts';

/** A share from 0 to 1. */
const ratio: ValueKind<number> = {
  placeholder: '0-1',
  jsonSchema: { type: 'number', minimum: 0, maximum: 1 },
  parse(raw) {
    const value = typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : raw;
    if (typeof value === 'number' && value >= 0 && value <= 1) return value;
    throw new ValueFault('must be a number from 0 to 1', raw);
  },
  print: (value) => value,
};

const endpointKind = text('url', /^https?:\/\/[^\s/?#]+[^\s?#]*$/, 'must be an http or https URL');

export const telemetrySettings = {
  telemetryEndpoint: define({
    name: 'telemetry.otlp_endpoint',
    summary: 'Where traces are sent by OTLP over HTTP; /v1/traces is added; none: nowhere',
    kind: optional(endpointKind),
    fallback: () => undefined,
    fallbackWords: 'none',
    commonVariable: {
      name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
      parse: (url) => endpointKind.parse(url, ''),
    },
  }),
  telemetrySampleRatio: define({
    name: 'telemetry.sample_ratio',
    summary: 'Which share of requests is traced, beside those that a trusted proxy has sampled',
    kind: ratio,
    fallback: () => 0,
    commonVariable: { name: 'OTEL_TRACES_SAMPLER_ARG', parse: (share) => ratio.parse(share, '') },
  }),
  telemetryServiceName: define({
    name: 'telemetry.service_name',
    summary: 'What the daemon is called in traces',
    kind: text('name', /^[\x20-\x7e]{1,200}$/, 'must be a name of at most 200 characters'),
    fallback: () => 'terrafirma',
    commonVariable: { name: 'OTEL_SERVICE_NAME', parse: (name) => name },
  }),
  telemetryPropagates: define({
    name: 'telemetry.propagate',
    summary: 'Whether servers that modules ask are told of the trace (traceparent)',
    kind: yesOrNo,
    fallback: () => false,
  }),
} as const;
