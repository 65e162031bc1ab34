/**
 * Every setting, once: its name in the file, its flag, its variable, its kind, its default. The
 * file reader, the environment, the flags, `terrafirma config`, the JSON schema and the
 * documentation are all made from this table.
 */
import path from 'node:path';
import { adminSettings } from './admin-settings.ts';
import { clusterSettings } from './cluster-settings.ts';
import type { Limits } from './config.ts';
import { defaultDns, defaultLimits, defaultWatch } from './config.ts';
import { grantSettings } from './grant-settings.ts';
import {
  bytes,
  choice,
  count,
  endpoint,
  fileKind,
  fileSystemPath,
  listOf,
  milliseconds,
  mount,
  network,
  optional,
  text,
  yesOrNo,
} from './kinds.ts';
import { limitRows } from './limit-rows.ts';
import { define, type Machine, type Setting } from './setting.ts';
import { telemetrySettings } from './telemetry-settings.ts';
import { tlsSettings } from './tls-settings.ts';

export type { Machine, Setting } from './setting.ts';

/** Timers of Node.js hold 31 bits; a longer one would fire at once. */
const msMax = 2 ** 31 - 1;
/** What the program and a small site need. */
const processMemoryBytesMin = 128 * 1024 * 1024;
const processMemoryShare = 3 / 4;
const listenDefault = { host: '127.0.0.1', port: 8080 };

const listenKind = listOf(
  endpoint({
    rule: 'must be host:port, such as 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:80 (port 0: any)',
    portMin: 0,
    allowsNames: true,
  }),
  { elementsMin: 1, elementsMax: 16 },
);

const dnsServersKind = listOf(
  endpoint({
    rule: 'must be the address of a DNS server, such as 9.9.9.9, 127.0.0.1:5353 or [::1]:53',
    portMin: 1,
    portDefault: 53,
    allowsNames: false,
  }),
  { elementsMax: 8 },
);

const recordNameKind = text(
  'labels',
  /^[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63}){0,3}$/,
  'must be DNS labels, such as _keybase_pages',
);

/** The settings outside `[limits]`. */
export const settings = {
  listen: define({
    name: 'listen',
    flag: 'listen',
    summary: 'Where to listen; several are allowed, port 0 takes any free port',
    kind: listenKind,
    fallback: () => [listenDefault],
    commonVariable: {
      name: 'PORT',
      parse: (port) => listenKind.parse([`0.0.0.0:${port}`], ''),
    },
  }),
  folder: define({
    name: 'folder',
    summary: 'Folder mode: this directory answers for every host name, DNS is not asked',
    kind: optional(fileSystemPath),
    fallback: () => undefined,
    fallbackWords: 'none',
  }),
  variablesFile: define({
    name: 'variables_file',
    flag: 'variables',
    summary: 'Folder mode: lines NAME=value for its programs, over what its terrafirma.toml says',
    kind: optional(fileKind),
    fallback: () => undefined,
    fallbackWords: 'none',
  }),
  mounts: define({
    name: 'mounts',
    flag: 'mount',
    summary: 'Where folders named by TXT records are found; the longest prefix wins',
    // Folder names of Keybase hold commas.
    kind: listOf(mount, { elementsMax: 64, separator: ';' }),
    fallback: () => [],
    fallbackWords: 'none',
  }),
  botUser: define({
    name: 'bot_user',
    flag: 'bot-user',
    summary: 'Serve private folders only when this user is one of their writers or readers',
    kind: optional(text('name', /^[a-z0-9_]{1,64}$/, 'must be a name of a-z, 0-9 and _')),
    fallback: () => undefined,
    fallbackWords: 'none',
  }),
  stateDirectory: define({
    name: 'state_directory',
    flag: 'state',
    summary: 'Where accepted modules and the data of guests are kept',
    kind: fileSystemPath,
    fallback: defaultStateDirectory,
    fallbackWords:
      '$XDG_DATA_HOME/terrafirma, else ~/.local/share/terrafirma; below it local/… for a folder',
    // systemd may name several, separated by colons.
    commonVariable: {
      name: 'STATE_DIRECTORY',
      parse: (directories) => fileSystemPath.parse(directories.split(':')[0], '/'),
    },
  }),
  threads: define({
    name: 'threads',
    flag: 'threads',
    summary: 'Serving threads',
    kind: count({ min: 1, max: 256 }),
    fallback: (machine) => Math.max(1, machine.parallelism),
    fallbackWords: 'one a core',
  }),
  processMemoryBytesMax: define({
    name: 'process_memory_bytes_max',
    flag: 'process-memory',
    summary: 'Memory of the whole process; near it, whoever holds most gets no more',
    kind: bytes({ min: processMemoryBytesMin, max: Number.MAX_SAFE_INTEGER }),
    fallback: (machine) => {
      const bytesMax = Math.floor(machine.memoryBytes * processMemoryShare);
      return Math.max(processMemoryBytesMin, bytesMax);
    },
    fallbackWords: 'three quarters of what the machine, or its control group, has',
  }),
  dnsServers: define({
    name: 'dns.servers',
    flag: 'dns',
    summary: 'DNS servers to ask, in this order',
    kind: dnsServersKind,
    fallback: () => defaultDns.servers,
    fallbackWords: 'those of /etc/resolv.conf',
  }),
  dnsRecordNames: define({
    name: 'dns.record_names',
    summary: 'Labels before the host name that hold the TXT record, asked in this order',
    kind: listOf(recordNameKind, { elementsMin: 1, elementsMax: 4 }),
    fallback: () => defaultDns.recordNames,
  }),
  dnsRecordKey: define({
    name: 'dns.record_key',
    summary: 'What stands before = in the TXT record',
    kind: text('key', /^[A-Za-z0-9_.-]{1,63}$/, 'must be a key of A-Z, a-z, 0-9, _, . and -'),
    fallback: () => defaultDns.recordKey,
  }),
  watchQuietMs: define({
    name: 'watch.quiet_ms',
    flag: 'quiet-ms',
    summary: 'A changed folder must be quiet for so long before it is read: local disks',
    kind: milliseconds({ min: 0, max: 600_000 }),
    fallback: () => defaultWatch.quietMs,
  }),
  watchQuietNetworkMs: define({
    name: 'watch.quiet_network_ms',
    summary: 'The same on FUSE and network mounts',
    kind: milliseconds({ min: 0, max: 600_000 }),
    fallback: () => defaultWatch.quietNetworkMs,
  }),
  watchQuietClosedMs: define({
    name: 'watch.quiet_closed_ms',
    summary: 'The same for a file that no program has open for writing, where the system tells',
    kind: milliseconds({ min: 0, max: 600_000 }),
    fallback: () => defaultWatch.quietClosedMs,
  }),
  watchPollMs: define({
    name: 'watch.poll_ms',
    flag: 'poll-ms',
    summary: 'How often folders in use are looked at: local disks',
    kind: milliseconds({ min: 20, max: 3_600_000 }),
    fallback: () => defaultWatch.pollMs,
  }),
  watchPollNetworkMs: define({
    name: 'watch.poll_network_ms',
    summary: 'The same on FUSE and network mounts',
    kind: milliseconds({ min: 20, max: 3_600_000 }),
    fallback: () => defaultWatch.pollNetworkMs,
  }),
  outboundAllowedCidrs: define({
    name: 'outbound.allowed_cidrs',
    flag: 'allow-outbound',
    summary: 'Networks that guests may reach although private, or of this machine itself',
    kind: listOf(network, { elementsMax: 256 }),
    fallback: () => [],
    fallbackWords: 'none',
  }),
  keyValueSynchronous: define({
    name: 'key_value.synchronous',
    summary: 'full survives a power cut, normal only a killed process',
    kind: choice(['normal', 'full']),
    fallback: () => 'full' as const,
  }),
  ...grantSettings,
  ...tlsSettings,
  ...adminSettings,
  ...telemetrySettings,
  ...clusterSettings,
  logLevel: define({
    name: 'log.level',
    flag: 'log-level',
    summary: 'The least important lines that are written; trace tells each hostcall of a function',
    kind: choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    fallback: () => 'info' as const,
  }),
  logFormat: define({
    name: 'log.format',
    flag: 'log-format',
    summary: 'auto is readable on a terminal and JSON lines elsewhere',
    kind: choice(['auto', 'json', 'pretty']),
    fallback: () => 'auto' as const,
  }),
  logSyslog: define({
    name: 'log.syslog',
    summary: 'Whether JSON lines begin with the priority of syslog; auto: where the journal reads',
    kind: choice(['auto', 'yes', 'no']),
    fallback: () => 'auto' as const,
  }),
  logAccessFile: define({
    name: 'log.access_file',
    summary: 'Requests are written here, too, as other programs read them',
    kind: optional(fileKind),
    fallback: () => undefined,
    fallbackWords: 'none',
  }),
  logAccessFormat: define({
    name: 'log.access_format',
    summary: 'How they are written: as Apache’s combined log, or the extended log of the W3C',
    kind: choice(['combined', 'w3c']),
    fallback: () => 'combined' as const,
  }),
  logColor: define({
    name: 'log.color',
    summary: 'Whether readable lines may have colours',
    kind: yesOrNo,
    fallback: () => true,
    // no-color.org: present and not empty, whatever its value.
    commonVariable: { name: 'NO_COLOR', parse: () => false },
  }),
} as const;

export const limitNames = Object.keys(defaultLimits) as readonly (keyof Limits)[];

/** The settings of `[limits]`, made from the defaults and their rows. */
export const limitSettings: { readonly [name in keyof Limits]: Setting<number> } =
  Object.fromEntries(limitNames.map((name) => [name, limitSetting(name)])) as {
    [name in keyof Limits]: Setting<number>;
  };

function limitSetting(limit: keyof Limits): Setting<number> {
  const row = limitRows[limit];
  const isTime = /Ms(Max)?$/.test(limit);
  const max = row.max ?? (isTime ? msMax : Number.MAX_SAFE_INTEGER);
  const range = { min: row.min ?? 1, max };
  const kind = isTime ? milliseconds : limit.includes('Bytes') ? bytes : count;
  const name = `limits.${limit.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`;
  return { name, summary: row.summary, kind: kind(range), fallback: () => defaultLimits[limit] };
}

/** All settings in the order in which they are shown. */
export const allSettings: readonly Setting<unknown>[] = [
  ...Object.values(settings),
  ...Object.values(limitSettings),
] as readonly Setting<unknown>[];

/** `dns.servers` → `TERRAFIRMA_DNS_SERVERS`. */
export function variableOf(setting: Pick<Setting<unknown>, 'name'>): string {
  return `TERRAFIRMA_${setting.name.toUpperCase().replaceAll('.', '_')}`;
}

function defaultStateDirectory(machine: Machine): string {
  const { environment, homeDirectory } = machine;
  const dataHome = environment.XDG_DATA_HOME;
  // The XDG specification: a relative path in the variable is invalid and must be ignored.
  const base =
    dataHome !== undefined && path.isAbsolute(dataHome)
      ? dataHome
      : path.join(homeDirectory, '.local', 'share');
  return path.join(base, 'terrafirma');
}
