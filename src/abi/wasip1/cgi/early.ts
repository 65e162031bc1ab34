/**
 * Starts of CGI programs that are done before any request; see `EarlyBinding`. They are told the
 * owner's environment, and strings in place of what is a request's.
 */
import { createHash } from 'node:crypto';
import type { Limits } from '../../../config/config.ts';
import { noBytes } from '../../../http/body.ts';
import type { RequestHead } from '../../../http/message.ts';
import type {
  EarlyAsker,
  EarlyBinding,
  EarlyGiven,
  EarlyKept,
  EarlyRules,
  EarlyStrings,
  EarlyTold,
} from '../../early.ts';
import { isOfRequests, listOwners } from '../../objects/cgi/environment.ts';
import type { InputStream } from '../../objects/cgi/streams.ts';
import { declaredBytes } from '../../objects/exchange-body.ts';
import { listPreopens } from '../../objects/files/preopens.ts';
import { LogStream } from '../../objects/log-stream.ts';
import { judgeEarly, silence, stoppedClock, stoppedTimer } from '../early.ts';
import type { WasiGuest } from '../guest.ts';
import { WasiProcess } from '../process.ts';

/** Of random hexadecimal digits. */
const markLength = 32;
const filler = '.';
/** Browsers send some twenty headers. Requests with more have a start of their own. */
const strings: EarlyStrings = { argumentsMax: 16, variablesMax: 64, roomBytes: 16 * 1024 };
/** Variables of every request, and the bytes of their names and of those that are always alike. */
const ownVariables = 24;
const ownBytes = 1_024;
/** How often a target may be told in variables and arguments, decoded or not. */
const targetCopies = 6;
const authorityCopies = 4;
const addressCopies = 2;
/** A character that was decoded may have so many bytes. */
const utf8BytesMax = 3;
const headerPrefixBytes = 'HTTP_=\0, '.length;

const noInput: InputStream = {
  take: () => noBytes,
  whenReady: () => Promise.resolve(),
  readyBytes: 0,
};

type Environment = ReadonlyMap<string, string>;

/** An owner's environment: what a start is told, and what stands behind a request's own. */
interface Split {
  readonly told: Environment;
  readonly untold: Environment;
  readonly digest: string;
}

const none: Split = { told: new Map(), untold: new Map(), digest: '' };
/** By the map: settings are read once, and asked for at each request. */
const splits = new WeakMap<Environment, Split>();

function splitOf(environment: Environment): Split {
  if (environment.size === 0) return none;
  let split = splits.get(environment);
  if (split === undefined) {
    const entries = [...environment];
    const told = new Map(entries.filter(([name]) => !isOfRequests(name)));
    const untold = new Map(entries.filter(([name]) => isOfRequests(name)));
    const text = JSON.stringify(listOwners(told));
    const digest = told.size === 0 ? '' : createHash('sha256').update(text).digest('hex');
    split = { told, untold, digest };
    splits.set(environment, split);
  }
  return split;
}

export function createCgiRules(): EarlyRules {
  return { markLength, strings, kindOf, judge: judgeEarly };
}

function kindOf({ capabilities, exchange, conversation }: EarlyAsker): string | undefined {
  const { settings, keyValue } = capabilities;
  if (settings === undefined) return '';
  if (settings.protocol !== 'cgi' || conversation !== undefined) return undefined;
  const { untold, digest } = splitOf(settings.environment);
  const count = settings.arguments?.length ?? 0;
  if (exchange !== undefined) {
    // The program is told how long the body is, which takes reading it where nobody has said so.
    if (declaredBytes(exchange) === undefined) return undefined;
    if (!hasRoom(exchange.request, { untold, owners: settings.arguments })) return undefined;
  } else if (count >= strings.argumentsMax) return undefined;
  return keyValue?.data === undefined ? digest : `${digest} /data`;
}

/** Whether all that the request tells has room, at the most that it may come to. */
function hasRoom(
  { headers, target, authority, scriptName, pathInfo, query, ...head }: RequestHead,
  owner: { readonly untold: Environment; readonly owners: readonly string[] | undefined },
): boolean {
  const { untold, owners } = owner;
  let args = 2 + (owners?.length ?? 0);
  if (owners === undefined) for (const each of query) if (each === '&') args += 1;
  const variables = ownVariables + headers.length + untold.size;
  if (args > strings.argumentsMax || variables > strings.variablesMax) return false;
  let bytes = ownBytes + targetCopies * target.length + authorityCopies * authority.length;
  bytes += 2 * utf8BytesMax * (scriptName.length + pathInfo.length);
  // HTTP/2 has methods of any length.
  bytes += head.method.length + addressCopies * head.clientAddress.length;
  for (const [name, value] of headers) bytes += headerPrefixBytes + name.length + value.length;
  for (const [name, value] of untold) bytes += 2 + name.length + utf8BytesMax * value.length;
  for (const each of owners ?? []) bytes += 1 + utf8BytesMax * each.length;
  return bytes <= strings.roomBytes;
}

export class CgiEarly implements EarlyBinding {
  /** That every run begins with; undefined where none is set. */
  streamFlags: readonly number[] | undefined;
  readonly #guest: WasiGuest;
  readonly #limits: Pick<Limits, 'handlesPerRunMax'>;
  /** Names that the start is told. */
  #names: Environment = none.told;

  constructor(guest: WasiGuest, limits: Pick<Limits, 'handlesPerRunMax'>) {
    this.#guest = guest;
    this.#limits = limits;
  }

  /** What of the owner's environment is still to be told a run. */
  untold(environment: Environment): Environment {
    return this.streamFlags === undefined ? environment : splitOf(environment).untold;
  }

  prepare({ environment, mark, hasData, fillRandom }: EarlyGiven): void {
    const { argumentsMax, variablesMax, roomBytes } = strings;
    const { told } = splitOf(environment);
    this.#names = told;
    const room = mark.padEnd(roomBytes, filler);
    const marks = Array<string>(variablesMax - 1).fill(mark);
    const stdout = new LogStream(silence);
    const process = new WasiProcess({
      listArguments: () => Array<string>(argumentsMax).fill(mark),
      listEnvironment: () => [room, ...marks, ...listOwners(told)],
      stdin: noInput,
      stdout,
      stderr: stdout,
      openPreopens: () => listPreopens(hasData),
      capabilities: { clock: stoppedClock, timer: stoppedTimer, fillRandom },
      descriptorsMax: this.#limits.handlesPerRunMax,
    });
    this.#guest.begin(process);
  }

  keep(): EarlyKept {
    return { streamFlags: this.#guest.process.streamFlags };
  }

  resume({ streamFlags }: EarlyKept): void {
    this.streamFlags = streamFlags;
  }

  markOf(requestId: string): string {
    return requestId.padEnd(markLength, filler).slice(0, markLength);
  }

  lacks(name: string): boolean {
    return !isOfRequests(name) && !this.#names.has(name);
  }

  told(): EarlyTold {
    const { arguments: args, environment } = this.#guest.process;
    return { arguments: args, environment };
  }
}
