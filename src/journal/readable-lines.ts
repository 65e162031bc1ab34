/** Log lines for a person at a terminal. Pure. */
import { prettyFactory } from 'pino-pretty';

/** What the message of a request already says, or nobody looks for while it scrolls by. */
const inTheMessage = [
  ...['id', 'method', 'status', 'hostName', 'path', 'outcome', 'wallUs', 'cpuUs', 'memoryBytes'],
  ...['bytesReceived', 'bytesSent', 'clientAddress', 'errorCode', 'errorDetail'],
];

/** One line of JSON → one readable line. */
export function createPrettifier(colorize: boolean): (line: string) => string {
  const prettifyRequest = prettyFactory({
    ...common(colorize),
    messageFormat: (record) => describeRequest(record),
    ignore: inTheMessage.join(','),
  });
  const prettifyOther = prettyFactory(common(colorize));
  return (line) => (isRequest(line) ? prettifyRequest(line) : prettifyOther(line));
}

function common(colorize: boolean) {
  return { colorize, translateTime: 'SYS:HH:MM:ss.l', singleLine: true } as const;
}

/** As `telemetry.ts` ends such a line. */
function isRequest(line: string): boolean {
  return line.endsWith('"msg":"request"}');
}

/** What happened comes first; the id comes last, to find the line that a visitor asks about. */
function describeRequest(record: Readonly<Record<string, unknown>>): string {
  const { id, method, hostName, path, status, outcome, errorDetail } = record;
  const { bytesSent, cpuUs, memoryBytes, wallUs } = record;
  return [
    `${method} ${hostName}${path} → ${status} ${outcome}`,
    formatDuration(Number(wallUs)),
    ...(cpuUs === undefined ? [] : [`cpu ${formatDuration(Number(cpuUs))}`]),
    ...(memoryBytes === undefined ? [] : [`memory ${formatBytes(Number(memoryBytes))}`]),
    `sent ${formatBytes(Number(bytesSent))}`,
    ...(errorDetail === undefined ? [] : [String(errorDetail)]),
    String(id),
  ].join(', ');
}

/** Microseconds → `0.05 ms`, `1.4 ms`, `549 ms`, `12.3 s`. */
export function formatDuration(microseconds: number): string {
  if (microseconds < 100) return `${(microseconds / 1_000).toFixed(2)} ms`;
  if (microseconds < 10_000) return `${(microseconds / 1_000).toFixed(1)} ms`;
  if (microseconds < 10_000_000) return `${Math.round(microseconds / 1_000)} ms`;
  return `${(microseconds / 1_000_000).toFixed(1)} s`;
}

/** `12 B`, `3.4 KiB`, `128 MiB`. */
export function formatBytes(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  while (amount >= 1_024 && unit < units.length - 1) {
    amount /= 1_024;
    unit += 1;
  }
  const digits = unit === 0 || Number.isInteger(amount) || amount >= 100 ? 0 : 1;
  return `${amount.toFixed(digits)} ${units[unit]}`;
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
