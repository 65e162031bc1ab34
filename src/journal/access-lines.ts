/**
 * Requests as other programs read them: the combined format of Apache, and the extended format of
 * the W3C. From the log's own lines. Pure.
 */

export type AccessFormat = 'combined' | 'w3c';

interface RequestFields {
  readonly time: string;
  readonly method: string;
  readonly hostName: string;
  readonly path: string;
  readonly clientAddress: string;
  readonly status: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly wallUs: number;
  readonly id: string;
  /** These three are missing in lines of what was no request. */
  readonly httpVersion?: string;
  readonly referer?: string;
  readonly userAgent?: string;
}

const months = [
  ...['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun'],
  ...['Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'],
];

/** What a file of the format begins with. */
export const accessHeads: Readonly<Record<AccessFormat, string>> = {
  combined: '',
  w3c:
    '#Version: 1.0\n' +
    '#Fields: date time c-ip cs-method cs-host cs-uri-stem sc-status sc-bytes cs-bytes ' +
    'time-taken x-request-id cs-version cs(User-Agent) cs(Referer)\n',
};

/** As `telemetry.ts` ends the line of a request. */
const requestEnd = '"msg":"request"}';

/** One line of the log → one line with its end; undefined where it is of no request. */
export function formatAccess(line: string, format: AccessFormat): string | undefined {
  if (!line.endsWith(requestEnd)) return undefined;
  const fields: RequestFields = JSON.parse(line);
  return format === 'combined' ? combined(fields) : w3c(fields);
}

/** The log holds no queries: they may be secrets. */
function combined(fields: RequestFields): string {
  const { bytesSent, clientAddress, method, path, referer, status, userAgent } = fields;
  const request = `${quotable(method)} ${quotable(path)} ${versionOf(fields)}`;
  const bytes = bytesSent === 0 ? '-' : String(bytesSent);
  const time = apacheTime(fields.time);
  const words = `"${quotable(referer ?? '-')}" "${quotable(userAgent ?? '-')}"`;
  return `${clientAddress || '-'} - - [${time}] "${request}" ${status} ${bytes} ${words}\n`;
}

/** As Apache says it: `HTTP/2.0`. */
function versionOf({ httpVersion = '1.1' }: RequestFields): string {
  return `HTTP/${httpVersion.includes('.') ? httpVersion : `${httpVersion}.0`}`;
}

function apacheTime(iso: string): string {
  const [, year = '', month = '', day = '', clock = ''] =
    /^(\d{4})-(\d{2})-(\d{2})T(\d{2}:\d{2}:\d{2})/.exec(iso) ?? [];
  return `${day}/${months[Number(month) - 1]}/${year}:${clock} +0000`;
}

/** A quote in it would end what it stands in: as Apache escapes it. */
function quotable(text: string): string {
  return text.replaceAll(/["\\\p{Cc}]/gu, (letter) => {
    if (letter === '"' || letter === '\\') return `\\${letter}`;
    return `\\x${letter.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

function w3c(fields: RequestFields): string {
  const { bytesReceived, bytesSent, clientAddress, hostName, id, method, path, status } = fields;
  const [date = '-', clock = '-'] = fields.time.replace(/(\.\d+)?Z$/, '').split('T');
  const seconds = (fields.wallUs / 1_000_000).toFixed(3);
  const values = [clientAddress, method, hostName, path, status, bytesSent, bytesReceived];
  const words = [versionOf(fields), fields.userAgent ?? '', fields.referer ?? ''];
  return `${[date, clock, ...values, seconds, id, ...words].map(word).join(' ')}\n`;
}

/** Words are parted by spaces; what is empty is `-`. */
function word(value: string | number): string {
  const text = String(value);
  if (text === '') return '-';
  return text.replaceAll(/[\s\p{Cc}]/gu, (letter) => encodeURIComponent(letter));
}
