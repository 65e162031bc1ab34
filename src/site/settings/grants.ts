/** `[grants]`: what modules may reach. What is not granted does not exist for them. */
import { quoteReceived, withoutSecrets } from '../../names.ts';
import { namePlace, nameType, type Place, SettingsFault } from './fault.ts';
import { isPlainPath, type Kind } from './kinds.ts';
import { listOf, maybe, type ReadFields, record, resourceNames } from './tables.ts';

const originsMax = 256;
const namesMax = 64;
const filesMax = 64;

/** Where requests may go: scheme, host and port must be the same. */
export interface OriginRule {
  readonly scheme: 'http' | 'https';
  /** Without `*.`; lower case, punycode, or an address as URLs have it. */
  readonly host: string;
  /** Any host name below `host`, and not `host` itself. */
  readonly isBelow: boolean;
  readonly port: number;
}

/** Names of what the folder's file defines; `true`: all of them, `false`: none. */
export type NamesGrant = boolean | readonly string[];

const namesGrant: Kind<NamesGrant> = {
  jsonSchema: {
    anyOf: [{ type: 'boolean' }, { type: 'array', items: { type: 'string' }, maxItems: namesMax }],
  },
  read(value, place) {
    if (typeof value === 'boolean') return value;
    return nameList.read(value, place);
  },
};

const name: Kind<string> = {
  jsonSchema: { type: 'string', pattern: resourceNames.pattern.source },
  read(value, place) {
    if (typeof value === 'string' && resourceNames.pattern.test(value)) return value;
    const rule = `${namePlace(place)} must hold names of ${resourceNames.rule}`;
    throw new SettingsFault(
      place,
      rule,
      typeof value === 'string' ? quoteReceived(value) : nameType(value),
    );
  },
};
const nameList = listOf(name, { max: namesMax, what: 'names' });

const directory: Kind<string> = {
  jsonSchema: { type: 'string', pattern: '^/' },
  read(value, place) {
    const rule = `${namePlace(place)} must hold paths of the folder, such as "/templates"`;
    if (typeof value !== 'string') throw new SettingsFault(place, rule, nameType(value));
    if (!isPlainPath(value)) throw new SettingsFault(place, rule, quoteReceived(value));
    return value === '/' ? value : value.replace(/\/$/, '');
  },
};

const fields = {
  outbound: maybe(
    listOf(
      { jsonSchema: { type: 'string', pattern: '^https?://' }, read: readOrigin },
      {
        max: originsMax,
        what: 'origins',
      },
    ),
    'Where modules may send requests: "https://api.example.com", "https://*.github.com"',
  ),
  kv: maybe(namesGrant, 'Which key-value stores exist for modules; false: not even their own'),
  config: maybe(namesGrant, 'Which config stores exist for modules'),
  secrets: maybe(namesGrant, 'Which secret stores exist for modules'),
  backends: maybe(namesGrant, 'Which back-ends exist for modules'),
  acls: maybe(namesGrant, 'Which lists of addresses exist for modules'),
  files: maybe(
    listOf(directory, { max: filesMax, what: 'paths' }),
    'What of the folder programs may read; [] is nothing',
  ),
} as const;

/** What a folder, or one module, is granted; left out: all that the folder names. */
export type Grants = ReadFields<typeof fields>;

export const grants: Kind<Grants> = record(fields);

/** `https://*.example.com:8443` → an OriginRule. Values may hold user info: never shown whole. */
function readOrigin(value: unknown, place: Place): OriginRule {
  const rule =
    `${namePlace(place)} must hold origins without a path, ` +
    'such as "https://api.example.com" or "https://*.github.com"';
  if (typeof value !== 'string') throw new SettingsFault(place, rule, nameType(value));
  const parsed = parseOriginRule(value);
  if (parsed === undefined) {
    throw new SettingsFault(place, rule, quoteReceived(withoutSecrets(value)));
  }
  return parsed;
}

/** Undefined for what is no origin: a path, user info, a `*` elsewhere than as the first label. */
export function parseOriginRule(text: string): OriginRule | undefined {
  const cut = /^(https?):\/\/(\*\.)?([^/?#*@\\]+)$/i.exec(text);
  if (cut === null) return undefined;
  const url = `${cut[1]}://${cut[3]}`;
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, port } = new URL(url);
  const scheme = protocol === 'https:' ? 'https' : 'http';
  const isBelow = cut[2] !== undefined;
  if (isBelow && /^[\d.]+$|^\[/.test(hostname)) return undefined;
  const standard = scheme === 'https' ? 443 : 80;
  return { scheme, host: hostname, isBelow, port: port === '' ? standard : Number(port) };
}

/** Whether a request to `url` may go out by these rules. Before DNS, and again at each redirect. */
export function allowsOrigin(rules: readonly OriginRule[], url: URL): boolean {
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  const port = url.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url.port);
  const host = url.hostname.replace(/\.$/, '');
  return rules.some(
    (rule) =>
      rule.scheme === scheme &&
      rule.port === port &&
      (rule.isBelow ? host.endsWith(`.${rule.host}`) : host === rule.host),
  );
}
