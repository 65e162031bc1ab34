/**
 * The rooms of `src/`, the lowest first: what each holds and which rooms it may import. Data; the
 * table in docs/architecture.md is made of it. A room imports only rooms that stand before it, so
 * there is no way round.
 */

export interface Room {
  /** The folder or file below `src/`. */
  readonly name: string;
  /** One line for docs/architecture.md. */
  readonly holds: string;
  /** Rooms, single files of rooms (`abi/abi`), or one of each folder (`capability/*\/contract`). */
  readonly imports: readonly string[] | 'any';
}

/** What nearly every room may use. */
const common = ['amounts', 'errors', 'names', 'config', 'account', 'limit-clock'];
/** What capabilities are to a guest: their contracts. */
const aboutCapabilities = ['capability/capability', 'capability/*/contract'];
const aboutAbis = ['abi/abi', 'abi/catalogue', 'abi/trace/trace'];

export const rooms: readonly Room[] = [
  { name: 'amounts', holds: 'numbers and their units in words', imports: [] },
  { name: 'errors', holds: 'the table of everything that can go wrong', imports: [] },
  { name: 'names', holds: 'host names, paths, folders, owners, digests', imports: ['errors'] },
  {
    name: 'config',
    holds: 'settings, limits, their sources',
    imports: ['errors', 'capability/*/limits'],
  },
  { name: 'wasm', holds: 'bytes → bytes: reading, judging, metering; pure', imports: ['errors'] },
  {
    name: 'account',
    holds: 'what the process holds, in bytes, with a share for each owner; the rules of sharing',
    imports: ['errors', 'names'],
  },
  { name: 'limit-clock', holds: 'one coarse timer for many limits of one kind', imports: [] },
  { name: 'http', holds: 'the one vocabulary of HTTP; pure', imports: common },
  {
    name: 'site',
    holds: 'the nouns: manifest, settings, routes, who may read',
    imports: [...common, 'http'],
  },
  {
    name: 'journal',
    holds: 'what happened: one record a request, lines, the thread that writes them',
    imports: common,
  },
  {
    name: 'threads',
    holds: 'messages between the threads, heartbeats, questions and answers',
    imports: [...common, 'http', 'site', 'journal', 'wasm/meter/contract', 'wasm/component/plan'],
  },
  {
    name: 'outside',
    holds: 'the world: mounts, DNS, the state directory, stores',
    imports: [...common, 'site', 'threads'],
  },
  {
    name: 'capability',
    holds: 'what a guest may reach, narrowed to its site',
    imports: [...common, 'http', 'site', 'journal', 'threads', 'outside'],
  },
  {
    name: 'abi',
    holds: 'translators between guests and exchanges',
    imports: [
      ...common,
      'http',
      ...aboutCapabilities,
      'capability/networks',
      'capability/refusal',
      'wasm/component/plan',
      'wasm/component/types',
      'wasm/component/names',
    ],
  },
  {
    name: 'engine',
    holds: 'one module, many runs: turns, budgets, restoring',
    imports: [
      ...common,
      'http',
      'journal',
      'threads',
      ...aboutCapabilities,
      'abi/abi',
      'abi/early',
      'abi/hostcall',
      'abi/memory',
      'abi/steps',
      'wasm/meter/contract',
      'wasm/meter/mover',
      'wasm/offsets',
    ],
  },
  {
    name: 'deploy',
    holds: 'the deploy road',
    imports: [...common, 'wasm', 'site', 'journal', 'threads', 'outside', ...aboutAbis],
  },
  {
    name: 'tls',
    holds: 'certificates: ACME, who may have one, the store',
    imports: [...common, 'http', 'journal', 'threads', 'outside'],
  },
  {
    name: 'doctor',
    holds: 'what is wrong with a host name, and the next step',
    imports: [...common, 'site', 'outside', 'tls/gate'],
  },
  {
    name: 'serve',
    holds: 'the request road',
    imports: [
      ...common,
      'http',
      'site',
      'journal',
      'threads',
      'outside/mount/guarded-file',
      'outside/mount/guarded-fs',
      'outside/mount/mount-guards',
      'outside/mount/open-inside',
      'capability',
      'engine',
      ...aboutAbis,
    ],
  },
  { name: 'page', holds: 'what the dashboard runs in browsers', imports: [] },
  {
    name: 'admin',
    holds: 'what operators see and do while the daemon runs',
    imports: [
      ...common,
      'http',
      'site',
      'journal',
      'threads',
      'outside',
      'deploy',
      'tls',
      'doctor',
    ],
  },
  {
    name: 'daemon',
    holds: 'the control plane: builds, starts, stops, answers',
    imports: [
      ...common,
      'http',
      'site',
      'journal',
      'threads',
      'outside',
      'capability',
      'deploy',
      'tls',
      'admin',
    ],
  },
  { name: 'commands', holds: 'one thin file a command', imports: 'any' },
  { name: 'main', holds: 'the only `process.exit`', imports: ['commands', 'errors', 'config'] },
];

/** What all ABIs share; an ABI imports this and its own folder. */
export const sharedByAbis =
  /^src\/abi\/(?:(?:abi|early|handles|hostcall|memory|steps|verdict|wasi-side)\.ts$|objects\/)/;
