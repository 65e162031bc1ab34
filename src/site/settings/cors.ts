/** `[cors]`: scripts of which other sites may read answers (Fetch standard, section 3.2). */
import { tokenPattern } from '../../http/token.ts';
import { quoteReceived } from '../../names.ts';
import { namePlace, nameType, type Place, SettingsFault } from './fault.ts';
import { type Kind, text, turned, whole, yesOrNo } from './kinds.ts';
import { listOf, maybe, needed, record } from './tables.ts';

export interface Cors {
  /** Origins as browsers send them. */
  readonly origins: ReadonlySet<string>;
  readonly allowsAnyOrigin: boolean;
  /** Upper case, joined as the header has them; undefined: GET, HEAD and POST. */
  readonly methods?: string;
  readonly headers?: string;
  readonly hasCredentials: boolean;
  readonly maxAgeS?: number;
}

const listMax = 64;
const nameBytesMax = 128;
/** What browsers keep at most. */
const maxAgeSMax = 86_400;
const tokens = (what: string) =>
  listOf(
    text({
      bytesMax: nameBytesMax,
      rule: `must hold ${what}`,
      pattern: tokenPattern,
      isShown: true,
    }),
    {
      max: listMax,
      what,
    },
  );

const fields = record({
  allowOrigins: needed(
    listOf({ jsonSchema: { type: 'string' }, read: readOrigin }, { max: listMax, what: 'origins' }),
    '"https://app.example.com", exactly; "*" is any',
  ),
  methods: maybe(tokens('methods'), 'Beside GET, HEAD and POST'),
  headers: maybe(tokens('names of headers'), 'What requests may carry'),
  credentials: maybe(yesOrNo, 'Requests may carry cookies'),
  maxAgeS: maybe(whole({ min: 0, max: maxAgeSMax }), 'How long browsers remember the answer'),
});

export const cors: Kind<Cors> = turned(fields, (read, place) => {
  const { allowOrigins, methods, headers, credentials = false, maxAgeS } = read;
  const allowsAnyOrigin = allowOrigins.includes('*');
  if (allowsAnyOrigin && credentials) {
    const at = [...place, 'credentials'];
    const rule = `${namePlace(at)} must be false where any origin is allowed; list the origins`;
    throw new SettingsFault(at, rule, 'true');
  }
  return {
    origins: new Set(allowOrigins),
    allowsAnyOrigin,
    hasCredentials: credentials,
    ...(methods === undefined ? {} : { methods: methods.join(', ').toUpperCase() }),
    ...(headers === undefined ? {} : { headers: headers.join(', ').toLowerCase() }),
    ...(maxAgeS === undefined ? {} : { maxAgeS }),
  };
});

function readOrigin(value: unknown, place: Place): string {
  const rule = `${namePlace(place)} must hold origins, such as "https://app.example.com", or "*"`;
  if (typeof value !== 'string') throw new SettingsFault(place, rule, nameType(value));
  if (value === '*') return value;
  const isOrigin = /^https?:\/\/[^/?#@*\\]+$/i.test(value) && URL.canParse(value);
  if (!isOrigin) throw new SettingsFault(place, rule, quoteReceived(value));
  return new URL(value).origin;
}
