/**
 * Which host names and folders the operator and the folders' owners let be served. Pure. Names are
 * matched label by label: a rule for `evil.com` says nothing about `notevil.com`.
 */
import type { HostsConfig } from '../config/config.ts';
import { TerrafirmaError } from '../errors.ts';
import {
  type FolderKey,
  type FolderPath,
  type HostName,
  parseFolderPath,
  parseHostName,
} from '../names.ts';

interface NamePatterns {
  readonly exact: ReadonlySet<string>;
  /** `*.` and these. */
  readonly parents: ReadonlySet<string>;
}

interface ReadRules {
  readonly allowed: NamePatterns;
  readonly denied: NamePatterns;
  readonly allowedFolders: readonly string[];
  readonly deniedFolders: readonly string[];
  readonly requiresConsent: boolean;
  readonly reserved: string | undefined;
}

/** `/keybase/private` is above folders; what is longer has to name one. */
const prefixNamesMax = 2;

export class HostRules {
  #rules: ReadRules;

  /** @throws TerrafirmaError `config` for a folder that no TXT record could name. */
  constructor(config: HostsConfig) {
    this.#rules = readRules(config);
  }

  /** Others from now on; those before stay in force when this throws what the constructor does. */
  replace(config: HostsConfig): void {
    this.#rules = readRules(config);
  }

  /** @throws TerrafirmaError `host-denied`. */
  checkName(hostName: HostName): void {
    const { allowed, denied: refused, reserved } = this.#rules;
    if (reserved !== undefined && isRelated(reserved, hostName)) {
      throw denied(`dashboard.host_name, ${reserved}: received ${hostName}`);
    }
    const { exact, parents } = allowed;
    const isListed = exact.size + parents.size === 0 || matches(allowed, hostName);
    if (isListed && !matches(refused, hostName)) return;
    throw denied(`hosts.${isListed ? 'denied' : 'allowed'}: received ${hostName}`);
  }

  /** @throws TerrafirmaError `host-denied`. */
  checkFolder(path: Pick<FolderPath, 'key'>): void {
    const { key } = path;
    const { allowedFolders, deniedFolders } = this.#rules;
    const isListed = allowedFolders.length === 0 || allowedFolders.some((one) => isAt(one, key));
    if (isListed && !deniedFolders.some((one) => isAt(one, key))) return;
    throw denied(`hosts.${isListed ? 'denied' : 'allowed'}_folders: received ${key}`);
  }

  /**
   * Anybody can point a name at a folder that is not theirs; the folder's owner says which names
   * are meant. `listed` is undefined where the folder says nothing.
   *
   * @param hostName Undefined in folder mode, where every name is answered.
   * @throws TerrafirmaError `folder-forbidden`.
   */
  checkConsent(hostName: HostName | undefined, listed: readonly HostName[] | undefined): void {
    if (hostName === undefined) return;
    if (listed === undefined ? !this.#rules.requiresConsent : listed.includes(hostName)) return;
    const rule = 'the folder must list it in host_names of its terrafirma.toml';
    throw new TerrafirmaError(
      'folder-forbidden',
      `Cannot serve this host name: ${rule}: received ${hostName}`,
    );
  }
}

function readRules(config: HostsConfig): ReadRules {
  const { reservedName: reserved } = config;
  const taken = config.allowed.find(
    (name) => reserved !== undefined && !name.startsWith('*.') && isRelated(reserved, name),
  );
  if (taken !== undefined) {
    const rule = 'hosts.allowed must have no name that is dashboard.host_name, above or below it';
    throw new TerrafirmaError('config', `Cannot serve a site: ${rule}: received ${taken}`);
  }
  return {
    reserved,
    allowed: readPatterns(config.allowed),
    denied: readPatterns(config.denied),
    allowedFolders: config.allowedFolders.map(readFolder),
    deniedFolders: config.deniedFolders.map(readFolder),
    requiresConsent: config.requireFolderConsent,
  };
}

/**
 * Whether one is the other, or below it: a browser lets such neighbours share cookies and calls
 * them one site.
 */
function isRelated(one: string, other: string): boolean {
  return one === other || one.endsWith(`.${other}`) || other.endsWith(`.${one}`);
}

function readPatterns(patterns: readonly string[]): NamePatterns {
  const exact = new Set<string>();
  const parents = new Set<string>();
  for (const pattern of patterns) {
    if (pattern.startsWith('*.')) parents.add(parseHostName(pattern.slice(2)));
    else exact.add(parseHostName(pattern));
  }
  return { exact, parents };
}

function matches(patterns: NamePatterns, hostName: HostName): boolean {
  if (patterns.exact.has(hostName)) return true;
  if (patterns.parents.size === 0) return false;
  for (let at = hostName.indexOf('.'); at !== -1; at = hostName.indexOf('.', at + 1)) {
    if (patterns.parents.has(hostName.slice(at + 1))) return true;
  }
  return false;
}

/**
 * In the canonical spelling, so that `bob,alice` names the folder `alice,bob`; and what lies above
 * folders as it stands: the prefix of a mount, `/keybase/private`.
 */
function readFolder(folder: string): string {
  try {
    return parseFolderPath(folder).key;
  } catch (cause) {
    const names = folder.replace(/\/$/, '').split('/').slice(1);
    const isPlain = names.every((name) => !['', '.', '..'].includes(name));
    if (isPlain && names.length <= prefixNamesMax) return `/${names.join('/')}`;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TerrafirmaError('config', `Cannot use the hosts settings: ${reason}`, { cause });
  }
}

function isAt(outer: string, inner: FolderKey): boolean {
  return inner === outer || inner.startsWith(`${outer}/`);
}

function denied(rule: string): TerrafirmaError {
  return new TerrafirmaError('host-denied', `Cannot serve this host name: by ${rule}`);
}
