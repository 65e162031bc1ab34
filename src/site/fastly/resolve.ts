/**
 * What a `fastly.toml` says, with the files that it names: `[local_server]` and bytes → what the
 * folder's modules have. Pure: who reads the files is told which are needed, and asks again.
 */
import { inBytes } from '../../amounts.ts';
import { kvKeyBytesMax } from '../../names.ts';
import type { Backend } from '../settings/backends.ts';
import { faultsToldMax, joinFaults, SettingsFault, tellFaults } from '../settings/fault.ts';
import type { Kind } from '../settings/kinds.ts';
import { devices, type FactTable, type GeoSettings, geoAddresses } from '../settings/lookups.ts';
import type { Acl, TextStores } from '../settings/stores.ts';
import type { BackendSource } from './backends.ts';
import { badFastlyToml, type LocalServer } from './fastly-toml.ts';
import { aclJson, type FactSource } from './lookups.ts';
import type { FileSource, Source } from './sources.ts';
import { configEntries, kvJsonEntries, secretJsonEntries } from './stores.ts';
import type { VendorSettings } from './vendor-settings.ts';

/** What a key of a store answers until somebody writes or deletes it. */
export interface Seed {
  readonly value: Uint8Array;
  readonly metadata?: string;
}

/** By store, by key. */
export type Seeds = ReadonlyMap<string, ReadonlyMap<string, Seed>>;

export interface FastlySettings {
  readonly backends: ReadonlyMap<string, Backend>;
  readonly configStores: TextStores;
  readonly secretStores: TextStores;
  readonly seeds: Seeds;
  readonly acls: ReadonlyMap<string, Acl>;
  readonly geo: GeoSettings | undefined;
  readonly devices: FactTable | undefined;
  readonly vendor: VendorSettings;
  /** What the owner should be told. */
  readonly notes: readonly string[];
}

/** `closed`: the operator lets no folder have it. */
export type ReadVariable = (name: string) => { readonly value: string } | 'absent' | 'closed';

export interface ResolveWorld {
  /** What files may give: one that is named often is there as often. */
  readonly bytesMax: number;
  /** Whole files by their path in the folder. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly variable: ReadVariable;
}

export type Resolution =
  | { readonly kind: 'resolved'; readonly settings: FastlySettings }
  /** Files that are needed, too. */
  | { readonly kind: 'needs'; readonly files: readonly FileSource[] };

/** @throws TerrafirmaError `bad-settings`; it names file and line, and never a secret. */
export function resolveLocalServer(local: LocalServer, world: ResolveWorld): Resolution {
  const resolver = new Resolver(world);
  const settings = resolver.resolve(local);
  if (resolver.needs.size > 0) return { kind: 'needs', files: [...resolver.needs.values()] };
  if (resolver.faults.length > 0) throw badFastlyToml(joinFaults(resolver.faults));
  return { kind: 'resolved', settings };
}

class Resolver {
  readonly needs = new Map<string, FileSource>();
  /** What is wrong with the files that are there, each with its file. */
  readonly faults: string[] = [];
  readonly #world: ResolveWorld;
  readonly #notes: string[] = [];
  #bytesLeft: number;

  constructor(world: ResolveWorld) {
    this.#world = world;
    this.#bytesLeft = world.bytesMax;
  }

  resolve(local: LocalServer): FastlySettings {
    const { geolocation, deviceDetection, shieldingSites, fakeValidFastlyKeys } = local;
    return {
      backends: mapValues(local.backends, (backend) => this.#backend(backend)),
      configStores: mapValues(local.configStores, (store) =>
        store.kind === 'entries' ? store.entries : this.#json(store, configEntries, new Map()),
      ),
      secretStores: this.#secretStores(local),
      seeds: this.#seeds(local),
      acls: mapValues(local.acls, (file) => ({ entries: this.#json(file, aclJson, []) })),
      geo: geolocation && this.#geo(geolocation),
      devices: this.#facts(deviceDetection, devices),
      vendor: {
        shieldingSites: shieldingSites ?? new Map(),
        validKeys: fakeValidFastlyKeys ?? [],
      },
      notes: this.#notes,
    };
  }

  #geo(source: NonNullable<LocalServer['geolocation']>): GeoSettings {
    const addresses = this.#facts(source.facts, geoAddresses);
    const defaultLoopback = source.useDefaultLoopback;
    return addresses === undefined ? { defaultLoopback } : { defaultLoopback, addresses };
  }

  #facts(source: FactSource, kind: Kind<FactTable>): FactTable | undefined {
    if (source === undefined) return undefined;
    return source.kind === 'entries' ? source.entries : this.#json(source, kind, new Map());
  }

  #seeds(local: LocalServer): Seeds {
    return mapValues(local.kvStores, (store) => {
      const entries =
        store.kind === 'entries' ? store.entries : this.#json(store, kvJsonEntries, []);
      const seeds = new Map<string, Seed>();
      for (const { key, value: source, metadata } of entries) {
        const value = this.#bytes(source) ?? new Uint8Array(0);
        seeds.set(key, metadata === undefined ? { value } : { value, metadata });
      }
      return seeds;
    });
  }

  #secretStores(local: LocalServer): TextStores {
    return mapValues(local.secretStores, (store, name) => {
      const entries =
        store.kind === 'entries' ? store.entries : this.#json(store, secretJsonEntries, []);
      const secrets = new Map<string, string>();
      for (const { key, value } of entries) {
        const text = this.#text(value, `the secret ${name}.${key}`);
        if (text !== undefined) secrets.set(key, text);
      }
      return secrets;
    });
  }

  #backend(source: BackendSource): Backend {
    const { url, overrideHost, certHost, useSni, grpc, health } = source;
    const { firstByteTimeoutMs, betweenBytesTimeoutMs, caCertificate, clientCertificate } = source;
    const ca = caCertificate?.map((each) => this.#text(each, 'a certificate') ?? '').join('\n');
    const client = clientCertificate && {
      clientCertificate: this.#text(clientCertificate.certificate, 'a certificate') ?? '',
      clientKeyPem: this.#text(clientCertificate.key, 'a key') ?? '',
    };
    return {
      address: url,
      ...defined({ host: overrideHost, certificateHost: certHost, grpc, ca }),
      ...(useSni === false ? { sni: '' } : {}),
      // 0 is no limit of its own there.
      ...defined({ firstByteTimeoutMs: firstByteTimeoutMs || undefined }),
      ...defined({ betweenBytesTimeoutMs: betweenBytesTimeoutMs || undefined }),
      ...(health === undefined ? {} : { statedHealth: health }),
      ...client,
    };
  }

  #blame(fault: string): void {
    if (this.faults.length > faultsToldMax || this.faults.includes(fault)) return;
    this.faults.push(fault);
  }

  /** Undefined where the file is still needed or wrong, or a variable is not there. */
  #text(source: Source, what: string): string | undefined {
    if (source.kind === 'text') return source.text;
    if (source.kind === 'env') return this.#variable(source, what);
    const bytes = this.#bytes(source);
    if (bytes === undefined) return undefined;
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      this.#blame(`${source.path}: ${what} must be text in UTF-8: received other bytes`);
      return undefined;
    }
  }

  #variable(source: Extract<Source, { kind: 'env' }>, what: string): string | undefined {
    const read = this.#world.variable(source.name);
    if (typeof read === 'object') return read.value;
    const why =
      read === 'closed' ? 'is not among secrets.variables of the operator' : 'is not there';
    this.#notes.push(`${what} does not exist: the environment variable ${source.name} ${why}`);
    return undefined;
  }

  #bytes(source: Source): Uint8Array | undefined {
    if (source.kind === 'text') return Buffer.from(source.text);
    if (source.kind === 'env') return undefined;
    const bytes = this.#world.files.get(source.path);
    if (bytes === undefined) this.needs.set(source.path, source);
    else this.#count(source, bytes);
    return bytes;
  }

  /** A file that is named by 16,000 secrets would else be 16,000 texts. */
  #count({ path }: FileSource, bytes: Uint8Array): void {
    this.#bytesLeft -= bytes.length;
    if (this.#bytesLeft >= 0) return;
    const most = inBytes(this.#world.bytesMax);
    const rule = `all files have at most ${most}, each as often as it is named`;
    throw badFastlyToml(`${path}: ${rule}: received more`);
  }

  /** What a JSON file holds, by the rules of its kind; `absent` while it is needed, or wrong. */
  #json<T>(file: FileSource, kind: Kind<T>, absent: T): T {
    const text = this.#text(file, 'it');
    if (text === undefined) return absent;
    const parsed = parseJson(text);
    if ('faultLine' in parsed) {
      this.#blame(`${file.path}:${parsed.faultLine}: must be JSON: received a text that is not`);
      return absent;
    }
    try {
      return kind.read(parsed.value, []);
    } catch (error) {
      if (!(error instanceof SettingsFault)) throw error;
      this.#blame(tellFaults(error, file.path, (place) => lineOfKey(text, place)));
      return absent;
    }
  }
}

/** The parser's message shows the text around the fault, which may be a secret: only its place. */
function parseJson(text: string): { readonly value: unknown } | { readonly faultLine: number } {
  try {
    return { value: JSON.parse(text.replace(/^\ufeff/, '')) };
  } catch (error) {
    const offset = /at position (\d+)/.exec(error instanceof Error ? error.message : '')?.[1];
    return { faultLine: lineAt(text, offset === undefined ? text.length : Number(offset)) };
  }
}

/** The line on which the last key of `place` first stands; 1 where that is not found. */
function lineOfKey(text: string, place: readonly string[]): number {
  const key = place.findLast((part) => !/^\d+$/.test(part));
  if (key === undefined || key.length > kvKeyBytesMax) return 1;
  const offset = text.indexOf(JSON.stringify(key));
  return offset === -1 ? 1 : lineAt(text, offset);
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
    line += 1;
  }
  return line;
}

function mapValues<T, U>(
  map: ReadonlyMap<string, T> | undefined,
  turn: (value: T, name: string) => U,
): ReadonlyMap<string, U> {
  return new Map([...(map ?? [])].map(([name, value]) => [name, turn(value, name)]));
}

/** Without what is undefined. */
function defined<T extends object>(table: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(table).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
