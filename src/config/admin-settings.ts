/** The settings of who may operate the daemon while it runs, and of who may read its numbers. */
import type { AdminAddress } from './config.ts';
import {
  endpoint,
  fileKind,
  fileSystemPath,
  listOf,
  optional,
  printEndpoint,
  text,
  ValueFault,
  type ValueKind,
  yesOrNo,
} from './kinds.ts';
import { define } from './setting.ts';

/** Of `sockaddr_un` on Linux, without the byte that ends it. */
const socketPathBytesMax = 107;
const unixStart = 'unix:';
const rule =
  'must be unix:auto, unix:/path/to/a/socket, or host:port of this machine alone, such as ' +
  '127.0.0.1:9101';

const tcp = endpoint({ rule, portMin: 0, allowsNames: false });

/** Everybody else could operate the daemon: other machines have a road of their own, ssh. */
const adminAddress: ValueKind<AdminAddress> = {
  placeholder: 'unix:path|host:port',
  jsonSchema: { type: 'string', minLength: 1 },
  parse(raw, base) {
    if (raw === `${unixStart}auto`) return { kind: 'auto' };
    if (typeof raw === 'string' && raw.startsWith(unixStart)) {
      const path = fileSystemPath.parse(raw.slice(unixStart.length), base);
      requireSocketPath(path);
      return { kind: 'unix', path };
    }
    const where = tcp.parse(raw, base);
    if (!isLoopback(where.host)) {
      throw new ValueFault('must be a Unix socket or a loopback address', raw);
    }
    return { kind: 'tcp', endpoint: where };
  },
  print(value) {
    if (value.kind === 'auto') return `${unixStart}auto`;
    return value.kind === 'unix' ? `${unixStart}${value.path}` : printEndpoint(value.endpoint);
  },
};

/** In the one spelling that host names are compared in: lower case, punycode, no port, no dot. */
const panelName = text(
  'name',
  /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
  'must be a host name of its own in lower case, such as panel.host.example',
);

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1';
}

/** @throws ValueFault */
function requireSocketPath(path: string): void {
  if (isSocketPath(path)) return;
  throw new ValueFault(`must be a path of at most ${socketPathBytesMax} bytes`, path);
}

/** Whether the system can name a socket so. */
export function isSocketPath(path: string): boolean {
  return Buffer.byteLength(path) <= socketPathBytesMax;
}

export const adminSettings = {
  adminListen: define({
    name: 'admin.listen',
    flag: 'admin-listen',
    summary:
      'Where the daemon is operated: unix:auto (admin.sock), unix:/path, or a loopback address; ' +
      '[]: nowhere',
    kind: listOf(adminAddress, { elementsMax: 4 }),
    fallback: (): readonly AdminAddress[] => [{ kind: 'auto' }],
  }),
  adminDirectory: define({
    name: 'admin.directory',
    summary: 'Where unix:auto makes its socket',
    kind: optional(fileSystemPath),
    fallback: () => undefined,
    fallbackWords: 'the state directory',
    // systemd may name several, separated by colons.
    commonVariable: {
      name: 'RUNTIME_DIRECTORY',
      parse: (directories) => fileSystemPath.parse(directories.split(':')[0], '/'),
    },
  }),
  adminTokenFile: define({
    name: 'admin.token_file',
    summary: 'Holds the token that whoever comes by TCP must show',
    kind: optional(fileKind),
    fallback: () => undefined,
    fallbackWords: 'admin.token of the state directory, made with the first start',
  }),
  adminMetricsListen: define({
    name: 'admin.metrics_listen',
    flag: 'metrics-listen',
    summary:
      'Where /metrics, /healthz and /readyz alone are answered, to everybody who can reach it',
    kind: listOf(
      endpoint({
        rule: 'must be host:port, such as 127.0.0.1:9100 or 0.0.0.0:9100 (port 0: any)',
        portMin: 0,
        allowsNames: true,
      }),
      { elementsMax: 4 },
    ),
    fallback: () => [],
    fallbackWords: 'none',
  }),
  dashboardHostName: define({
    name: 'dashboard.host_name',
    summary:
      'Owners look at their own folders at this host name, by HTTPS; no site may be called so, ' +
      'nor above or below it',
    kind: optional(panelName),
    fallback: () => undefined,
    fallbackWords: 'none',
  }),
  feedbackEnabled: define({
    name: 'feedback.enabled',
    summary:
      'Owners who ask for it are told by files in their folders, on mounts that are writable',
    kind: yesOrNo,
    fallback: () => false,
  }),
  feedbackNodeName: define({
    name: 'feedback.node_name',
    summary: 'What this daemon’s directory in folders is called',
    kind: optional(text('name', /^[a-z0-9-]{1,32}$/, 'must be a name of a-z, 0-9 and -')),
    fallback: () => undefined,
    fallbackWords: '8 hex digits, made once and kept',
  }),
} as const;
