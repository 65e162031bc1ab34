/**
 * What crosses between the control plane and the serving threads. Plain data: it is
 * structured-cloned. Other threads have their messages beside them (`*-messages.ts`).
 */
import type { Config, Endpoint } from '../config/config.ts';
import type { ErrorRecord } from '../errors.ts';
import type { ContentCoding } from '../http/content-coding.ts';
import type { LogQueueMemory } from '../journal/log-queue.ts';
import type { Digest, FolderKey, HostName, ModulePath, OwnerKey } from '../names.ts';
import type { BanRules } from '../site/bans.ts';
import type { PasswordHash } from '../site/manifest.ts';
import type { Site } from '../site/table.ts';
import type { OperatorAnswer, OperatorQuestion } from './operator-messages.ts';
import type { Program } from './program.ts';

export type { Digest };

/** What a serving thread needs to instantiate: what runs, compiled, and what is known about it. */
export interface LoadedModule {
  readonly digest: Digest;
  readonly program: Program;
  readonly abi: string;
  readonly entry: string;
  /** Bytes of the code that was compiled, and what it takes besides, for the bounds of caches. */
  readonly codeBytes: number;
  /** Whether V8 may optimise it. */
  readonly isOptimised: boolean;
  /**
   * Equal for modules that differ in nothing that is read of them: guests of one may serve runs of
   * the others. Undefined: nobody knows.
   */
  readonly twinKey?: string | undefined;
}

/** Questions of a serving thread to the control plane; equal ones are joined by the asker. */
export type Question =
  /** What does this authority serve? `hostName` is undefined in folder mode. */
  | {
      readonly ask: 'site';
      readonly hostName: HostName | undefined;
      /** The visitor who named it first; undefined where that is not known. */
      readonly clientAddress?: string | undefined;
    }
  /** The site has no such module: is there a file whose verdict is still to come? */
  | { readonly ask: 'verdict'; readonly folderKey: FolderKey; readonly modulePath: ModulePath }
  | { readonly ask: 'module'; readonly digest: Digest }
  /** A capability's thread side asks its control side; what, is theirs alone. */
  | { readonly ask: 'capability'; readonly capability: string; readonly question: unknown }
  /** For a handshake that names `hostName`, or nobody. */
  | {
      readonly ask: 'certificate';
      readonly hostName: HostName | undefined;
      readonly clientAddress?: string | undefined;
    }
  /** What an authority asks for at `/.well-known/acme-challenge/<token>`, if anything. */
  | { readonly ask: 'http-challenge'; readonly token: string }
  | { readonly ask: 'alpn-challenge'; readonly hostName: HostName }
  /** What `terrafirma secret seal` seals with. */
  | { readonly ask: 'sealing-key' }
  | LoginQuestion
  | CompressQuestion;

/** Is that the password? The client's address is there for the limit on guesses. */
export interface LoginQuestion {
  readonly ask: 'login';
  readonly folderKey: FolderKey;
  readonly clientAddress: string;
  readonly password: string;
  readonly hash: PasswordHash;
}

/** A file in a coding of content; `key` names its bytes and the coding. */
export interface CompressQuestion {
  readonly ask: 'compress';
  readonly owner: OwnerKey;
  readonly key: string;
  readonly coding: ContentCoding;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A failure is an answer too: it is cached by the same rule. */
export type SiteAnswer =
  | { readonly kind: 'site'; readonly site: Site; readonly expiresInMs: number }
  | { readonly kind: 'failure'; readonly error: ErrorRecord; readonly expiresInMs: number };

/** A chain, leaf first, and the leaf's key; PEM. */
export interface CertificatePair {
  readonly chainPem: string;
  readonly keyPem: string;
}

export type CertificateAnswer =
  | {
      readonly kind: 'certificate';
      readonly pair: CertificatePair;
      /** Changes with the certificate. */
      readonly id: string;
      readonly expiresInMs: number;
    }
  | { readonly kind: 'none'; readonly reason: string; readonly expiresInMs: number };

/** X25519; `id` is the first 8 hex digits of its SHA-256. */
export interface PublicSealingKey {
  readonly id: string;
  readonly publicKey: Uint8Array;
}

export interface Answers {
  readonly site: SiteAnswer;
  /** The newest site of that folder, after the verdict. */
  readonly verdict: Site;
  readonly module: LoadedModule;
  readonly capability: unknown;
  readonly certificate: CertificateAnswer;
  readonly 'http-challenge': string | null;
  readonly 'alpn-challenge': CertificatePair | null;
  readonly login: boolean;
  readonly 'sealing-key': PublicSealingKey;
  /** Null where it would hardly be smaller. */
  readonly compress: Uint8Array<ArrayBuffer> | null;
}

/** A module is to be called because its time has come. */
export interface CronOrder {
  readonly site: Site;
  readonly modulePath: ModulePath;
  /** What follows the module in the address: begins with `/` or `?`, or is empty. */
  readonly target: string;
  readonly schedule: string;
  /** ISO 8601, UTC. */
  readonly scheduledAt: string;
  readonly hostName: string;
}

export interface CronEnd {
  /** As a visitor would have got it. */
  readonly status: number;
  /** As in the log. */
  readonly outcome: string;
  readonly requestId: string;
}

export type ToControl =
  | { readonly kind: 'operator-answer'; readonly id: number; readonly answer: OperatorAnswer }
  /** A guest of the module was made; what runs its code has not ended the process. */
  | { readonly kind: 'module-ready'; readonly digest: Digest }
  | { readonly kind: 'cron-ended'; readonly id: number; readonly end: CronEnd }
  | {
      readonly kind: 'listening';
      readonly endpoints: readonly Endpoint[];
      /** How the system calls the thread; undefined where it does not say. */
      readonly systemThread: string | undefined;
    }
  | { readonly kind: 'listen-failed'; readonly error: ErrorRecord }
  | { readonly kind: 'question'; readonly id: number; readonly question: Question };

export type ToThread =
  | { readonly kind: 'answer'; readonly id: number; readonly value: Answers[keyof Answers] }
  | { readonly kind: 'failure'; readonly id: number; readonly error: ErrorRecord }
  /** A folder in use has a new site. Threads that do not know the folder ignore it. */
  | { readonly kind: 'published'; readonly site: Site }
  /** A module was compiled anew. Threads that do not hold it ignore it. */
  | { readonly kind: 'module-replaced'; readonly digest: Digest }
  /** Some certificate was replaced: those at hand are to be asked for again. */
  | { readonly kind: 'certificates-changed' }
  | { readonly kind: 'ticket-keys'; readonly keys: Uint8Array }
  /** A capability's control side tells its thread sides. */
  | { readonly kind: 'capability-news'; readonly capability: string; readonly news: unknown }
  | { readonly kind: 'operator-question'; readonly id: number; readonly question: OperatorQuestion }
  /** What is known of the name is to be asked for again. */
  | { readonly kind: 'forget-name'; readonly hostName: HostName }
  /** What may change of it while the thread runs is to be taken over. */
  | { readonly kind: 'reconfigured'; readonly config: Config }
  | { readonly kind: 'bans'; readonly bans: BanRules }
  /** A guest is to be made of the daemon's own module, and given up; see deploy/practice. */
  | { readonly kind: 'practise'; readonly loaded: LoadedModule }
  | { readonly kind: 'cron'; readonly id: number; readonly order: CronOrder }
  | { readonly kind: 'drain'; readonly drainMs: number };

/** `workerData` of a serving thread. */
export interface ThreadStart {
  readonly config: Config;
  readonly threadNumber: number;
  /** What to listen on: real ports, after the control plane has settled port 0. */
  readonly endpoints: readonly Endpoint[];
  /** The same for HTTPS. */
  readonly tlsEndpoints: readonly Endpoint[];
  /** See `tls/ticket-keys.ts`; undefined without TLS. */
  readonly ticketKeys: Uint8Array | undefined;
  readonly reusePort: boolean;
  /** What all threads see at once; see `ledger.ts`. */
  readonly ledger: SharedArrayBuffer;
  /** What the whole process holds; see `account/account.ts`. */
  readonly account: SharedArrayBuffer;
  /** The thread's way to the log writer. */
  readonly logQueue: LogQueueMemory;
  /** Where its traces go; undefined where none are made. */
  readonly traceQueue: LogQueueMemory | undefined;
  /** See `journal/counters.ts`; of the number, whichever thread has it. */
  readonly counterPage: SharedArrayBuffer;
  /** What the thread has right now; see `gauges.ts`. */
  readonly gauges: SharedArrayBuffer;
  readonly bans: BanRules;
  /** What control sides give to the sides of a thread; see `capability/control.ts`. */
  readonly capabilities: Readonly<Record<string, unknown>>;
}
