/**
 * Everything the daemon tells beside requests and guests' own lines: by kind, with the facts it
 * carries, its level and its sentence. Data. Readers (the log, counters) are in `journal.ts`.
 */
import type { LogLosses } from './log-shares.ts';

interface InFolder {
  readonly folderKey: string;
}
interface OfFile extends InFolder {
  readonly modulePath: string;
}
interface OfSlot extends OfFile {
  /** ISO 8601, UTC. */
  readonly scheduledAt: string;
}
interface OfModule {
  readonly digest: string;
}
interface InStateFile {
  readonly file: string;
}
interface Because {
  readonly reason: string;
}
interface OfHost {
  readonly hostName: string;
}
interface OfThread {
  readonly threadNumber: number;
}
interface Failed {
  /** For the log only: may name what is inside the program. */
  readonly errorDetail: string;
}

/** Kind → facts. */
export interface Events {
  readonly 'file-not-served': InFolder & Because & { readonly path: string };
  readonly 'folder-away': InFolder & Because & { readonly isServed: boolean };
  readonly 'folder-back': InFolder;
  readonly 'folder-failed': InFolder & Because;
  readonly 'folder-forgotten': InFolder;
  readonly 'folder-moved': InFolder & { readonly directory: string };
  readonly 'folder-not-closed': InFolder & Because;
  readonly 'folder-not-opened': InFolder & Because;
  readonly 'folder-polled': InFolder & Because;
  readonly 'folder-postponed': InFolder & Because;
  readonly 'folder-record-damaged': InStateFile & Because;
  readonly 'folder-record-not-kept': InFolder & Because;

  readonly 'cron-ran': OfSlot & {
    readonly status: number;
    readonly outcome: string;
    readonly requestId: string;
  };
  readonly 'cron-skipped': OfSlot & Because;
  readonly 'cron-unknown': OfSlot;
  readonly 'cron-rests': InFolder & Because;
  readonly 'cron-trouble': Because;
  readonly 'settings-noted': InFolder & Because;
  readonly 'sealing-keys-not-read': Because;

  readonly 'module-published': OfFile & OfModule & { readonly abi: string };
  readonly 'module-refused': OfFile & Because & Refused;
  readonly 'module-not-judged': OfFile & Because & Refused;
  readonly 'module-judging-failed': OfFile & Because;
  readonly 'module-pinned': OfFile & Because & { readonly digest: string | undefined };
  readonly 'module-rolled-back': OfFile & { readonly digest: string | undefined };
  readonly 'module-removed': OfFile;
  readonly 'module-lost': OfModule & Because;
  readonly 'module-damaged': OfModule;
  readonly 'module-slow': OfModule & Because;
  readonly 'module-optimised': OfModule;
  readonly 'module-compiling': OfModule & { readonly bytes: number };
  readonly 'module-marked': OfModule & Because;
  readonly 'module-quarantined': OfModule & Because;
  readonly 'module-released': OfModule;
  readonly 'optimising-postponed': OfModule & Because;
  readonly 'trial-not-kept': OfModule & Because;
  readonly 'forms-not-kept': OfModule & Because;
  readonly 'trial-damaged': InStateFile & Because;
  readonly 'probation-damaged': InStateFile & Because;
  readonly 'probation-end-not-kept': OfModule & Because;
  readonly 'modules-not-marked': Because;
  readonly 'mark-damaged': InStateFile & Because;
  readonly 'modules-new-again': Because;
  readonly 'daemon-was-killed': Because;
  readonly 'rollback-damaged': OfFile & Because;
  readonly 'rollbacks-not-read': Because;

  readonly 'certificate-issued': OfHost & {
    readonly directory: string;
    readonly notAfter: string;
  };
  readonly 'certificate-not-ordered': OfHost & Because;
  readonly 'certificate-not-wanted': OfHost & Because;
  readonly 'certificate-not-renewed': OfHost & Because;
  readonly 'certificate-order-broken': OfHost & Failed;
  readonly 'certificate-order-failed': OfHost &
    Because & { readonly failures: number; readonly nextTryInMs: number };
  readonly 'certificates-not-looked-at': Failed;
  readonly 'certificates-not-usable': Because;
  readonly 'certificate-unusable': Because & { readonly serverName: string | undefined };
  readonly 'certificates-read-again': Readonly<Record<never, never>>;
  readonly 'renewal-window-unknown': OfHost & Because;
  readonly 'acme-trouble': Because;

  readonly 'handshake-refused': Because & { readonly serverName: string | undefined };
  readonly 'connection-not-accepted': Because;
  readonly 'http2-connection-cut': Because & { readonly clientAddress: string };

  readonly 'not-practised': Because;
  readonly 'operator-action': {
    readonly action: string;
    readonly target: string;
    /** `socket`: the admin socket; `token`: by TCP; `signal`. */
    readonly actor: string;
  };
  readonly 'owner-action': InFolder & {
    readonly action: string;
    readonly target: string;
    /** What the page calls the session; it opens nothing. */
    readonly session: string;
  };
  readonly 'owner-proved': InFolder & { readonly owner: string };
  readonly 'admin-listening': { readonly admin: readonly string[] };
  readonly 'admin-trouble': Because;
  readonly 'traces-not-sent': Because;
  readonly 'feedback-paused': InFolder & Because;
  readonly 'feedback-not-read': Because;
  readonly 'config-reloaded': {
    readonly changed: readonly string[];
    readonly needRestart: readonly string[];
  };
  readonly 'config-not-reloaded': Because;

  readonly serving: {
    readonly listening: readonly string[];
    readonly threads: number;
    readonly cores: number;
    readonly what: string;
  };
  readonly stopped: Readonly<Record<never, never>>;
  readonly 'stop-failed': Failed;
  readonly 'signal-ignored': { readonly signal: string };
  readonly 'thread-crashed': OfThread & Failed;
  readonly 'thread-stuck': OfThread & {
    readonly digest: string | undefined;
    readonly stuckMs: number;
  };
  readonly 'thread-replaced': OfThread;
  readonly 'thread-not-replaced': OfThread & Failed;
  readonly 'thread-rejection': Failed;
  readonly 'owner-held-back': { readonly owner: string };
  readonly 'log-writer-crashed': Failed;
  readonly 'log-lines-dropped': LogLosses;
  readonly 'logins-trouble': Because;
  readonly 'compress-trouble': Because;
  readonly 'key-value-trouble': Because;
  readonly 'cluster-trouble': Because;
  readonly 'cluster-refused': Because;
  readonly 'cluster-full': Because;
  readonly 'blobs-swept': { readonly count: number };
  readonly 'cluster-clock': { readonly offsetMs: number };
  readonly 'cluster-ready': { readonly server: string };
  readonly 'cluster-away': { readonly server: string };
  /** Without a module: of a store that modules of the folder shared. */
  readonly 'key-value-forgotten': Omit<OfFile, 'modulePath'> & Partial<OfFile>;
  readonly 'reclaim-failed': Failed;
}

interface Refused {
  readonly digest: string | undefined;
  /** Whether a version before it goes on serving. */
  readonly isServed: boolean;
}

export type EventKind = keyof Events;
export type EventLevel = 'debug' | 'info' | 'warn' | 'error';

export interface EventRow<Facts> {
  readonly level: EventLevel;
  /** The sentence of the log. */
  readonly text: string | ((facts: Facts) => string);
}

const stays = ({ isServed }: Refused): string =>
  isServed ? ': the last good version keeps serving' : '';
const kept = (isServed: boolean): string =>
  isServed ? 'its last good version keeps serving' : 'nothing kept';

export const eventRows: { readonly [K in EventKind]: EventRow<Events[K]> } = {
  'file-not-served': { level: 'warn', text: 'file not served' },
  'folder-away': {
    level: 'warn',
    text: ({ isServed }) => `folder cannot be reached: ${kept(isServed)}`,
  },
  'folder-back': { level: 'info', text: 'folder can be reached again' },
  'cron-ran': { level: 'info', text: 'module called at its time' },
  'cron-skipped': { level: 'warn', text: 'module not called at its time' },
  'cron-unknown': { level: 'warn', text: 'nobody knows how a call at its time ended' },
  'cron-rests': { level: 'warn', text: 'schedule of the folder does not run' },
  'cron-trouble': { level: 'error', text: 'schedules do not run as they should' },
  'settings-noted': { level: 'warn', text: 'settings of the folder' },
  'sealing-keys-not-read': { level: 'error', text: 'sealing keys not read' },
  'folder-failed': { level: 'error', text: 'folder could not be looked at' },
  'folder-forgotten': { level: 'info', text: 'folder forgotten' },
  'folder-moved': {
    level: 'info',
    text: 'folder is another directory now: it is deployed from there',
  },
  'folder-not-closed': { level: 'error', text: 'folder not closed cleanly' },
  'folder-not-opened': { level: 'error', text: 'folder not opened' },
  'folder-polled': { level: 'warn', text: 'no file events for the folder: it is polled' },
  'folder-postponed': { level: 'warn', text: 'look at the folder postponed' },
  'folder-record-damaged': {
    level: 'error',
    text: 'Cannot use the record of a folder: it will be rebuilt',
  },
  'folder-record-not-kept': { level: 'error', text: 'folder record not kept' },

  'not-practised': { level: 'warn', text: 'no practice before the first module' },
  'module-published': { level: 'info', text: 'module published' },
  'module-refused': { level: 'warn', text: (facts) => `module refused${stays(facts)}` },
  'module-not-judged': {
    level: 'error',
    text: (facts) => `module could not be judged${stays(facts)}`,
  },
  'module-judging-failed': {
    level: 'error',
    text: 'module could not be judged: it is tried again',
  },
  'module-pinned': { level: 'info', text: 'module is rolled back: its file is not published' },
  'module-rolled-back': { level: 'info', text: 'module rolled back' },
  'module-removed': { level: 'info', text: 'module removed: its file is gone' },
  'module-lost': { level: 'error', text: 'kept module lost: reading the files again' },
  'module-damaged': {
    level: 'error',
    text: 'Cannot use a kept module: its bytes are damaged: deleted',
  },
  'module-slow': { level: 'warn', text: "module runs slowly: V8's optimiser may not have it" },
  'module-compiling': { level: 'info', text: 'module is large: compiling it takes a while' },
  'module-optimised': { level: 'info', text: 'module may be optimised now' },
  'module-marked': { level: 'error', text: 'module marked: it was new when the daemon crashed' },
  'module-quarantined': { level: 'error', text: 'module quarantined' },
  'module-released': { level: 'info', text: 'module released from quarantine' },
  'optimising-postponed': { level: 'warn', text: 'trial with the optimiser postponed' },
  'forms-not-kept': { level: 'warn', text: 'what was made of a module not kept' },
  'trial-not-kept': { level: 'error', text: 'trial of a module not kept' },
  'trial-damaged': { level: 'error', text: 'Cannot read the result of a trial: it is repeated' },
  'probation-damaged': {
    level: 'error',
    text: 'Cannot read which modules were new: the file is ignored',
  },
  'probation-end-not-kept': { level: 'error', text: 'Cannot store that a module is no longer new' },
  'modules-not-marked': { level: 'error', text: 'new modules cannot be marked' },
  'mark-damaged': { level: 'error', text: 'Cannot read the mark of a module: it counts as one' },
  'daemon-was-killed': {
    level: 'warn',
    text: 'the last daemon was killed: no module is to blame',
  },
  'modules-new-again': {
    level: 'warn',
    text: 'the last daemon crashed or was killed: all modules count as new',
  },
  'rollback-damaged': { level: 'error', text: 'Cannot use a rollback: ignored' },
  'rollbacks-not-read': { level: 'error', text: 'Cannot look for rollbacks' },

  'certificate-issued': { level: 'info', text: 'certificate issued' },
  'certificate-not-ordered': { level: 'warn', text: 'certificate not ordered' },
  'certificate-not-wanted': { level: 'debug', text: 'certificate not ordered' },
  'certificate-not-renewed': { level: 'warn', text: 'certificate not renewed: it stays' },
  'certificate-order-broken': {
    level: 'error',
    text: 'certificate not ordered: an error of the server itself',
  },
  'certificate-order-failed': { level: 'warn', text: 'order failed' },
  'certificates-not-looked-at': {
    level: 'error',
    text: 'Cannot look for certificates to renew',
  },
  'certificate-unusable': {
    level: 'error',
    text: 'certificate not used: OpenSSL does not take it or its key',
  },
  'certificates-not-usable': { level: 'error', text: ({ reason }) => reason },
  'certificates-read-again': {
    level: 'info',
    text: 'certificates read again: their files have changed',
  },
  'renewal-window-unknown': { level: 'info', text: 'renewal window not known' },
  'acme-trouble': { level: 'warn', text: ({ reason }) => `ACME: ${reason}` },

  'handshake-refused': { level: 'debug', text: 'handshake refused' },
  'connection-not-accepted': { level: 'warn', text: 'connection not accepted' },
  'http2-connection-cut': { level: 'info', text: 'HTTP/2 connection cut' },

  'operator-action': { level: 'info', text: 'operator action' },
  'owner-action': { level: 'info', text: 'action of the folder’s owner' },
  'owner-proved': { level: 'info', text: 'a code to sign in by was written into the folder' },
  'admin-listening': {
    level: 'info',
    text: ({ admin }) => `operated at ${admin.join(' and ')}`,
  },
  'traces-not-sent': { level: 'warn', text: 'traces not sent: the collector does not take them' },
  'feedback-paused': {
    level: 'warn',
    text: 'nothing is written into the folder for ten minutes: it could not be',
  },
  'feedback-not-read': {
    level: 'warn',
    text: 'owners are told what was known before: news for them could not be read',
  },
  'admin-trouble': { level: 'error', text: 'admin listener' },
  'config-reloaded': { level: 'info', text: 'configuration read again' },
  'config-not-reloaded': {
    level: 'error',
    text: 'configuration not read again: the one before stays in force',
  },

  serving: {
    level: 'info',
    text: ({ listening, what }) => `serving ${what} on ${listening.join(' and ')}`,
  },
  stopped: { level: 'info', text: 'stopped' },
  'stop-failed': { level: 'error', text: 'a part did not stop cleanly' },
  'signal-ignored': { level: 'info', text: ({ signal }) => `${signal} does nothing here` },
  'thread-crashed': { level: 'error', text: 'thread crashed' },
  'thread-stuck': { level: 'error', text: 'thread stuck: it is ended and replaced' },
  'thread-replaced': { level: 'warn', text: 'thread replaced' },
  'thread-not-replaced': { level: 'error', text: 'thread not replaced: trying again' },
  'thread-rejection': { level: 'error', text: 'unhandled rejection' },
  'owner-held-back': {
    level: 'warn',
    text: ({ owner }) =>
      `runs of ${owner} wait on this thread: they kept all others waiting for too long`,
  },
  'log-writer-crashed': { level: 'error', text: 'the log writer crashed' },
  'log-lines-dropped': { level: 'warn', text: 'log lines dropped' },
  'logins-trouble': { level: 'error', text: ({ reason }) => `passwords: ${reason}` },
  'compress-trouble': { level: 'error', text: ({ reason }) => `compressing: ${reason}` },
  'key-value-trouble': { level: 'error', text: ({ reason }) => reason },
  'cluster-trouble': { level: 'warn', text: ({ reason }) => reason },
  'cluster-refused': { level: 'error', text: ({ reason }) => reason },
  'blobs-swept': {
    level: 'info',
    text: 'whole files that no version names any more are removed from the cluster',
  },
  'cluster-full': { level: 'error', text: ({ reason }) => `the cluster is full: ${reason}` },
  'cluster-clock': {
    level: 'warn',
    text: ({ offsetMs }) =>
      `the clock is ${offsetMs} ms from that of the cluster: from 30 s on nothing is ordered`,
  },
  'cluster-ready': {
    level: 'info',
    text: ({ server }) => `the shared store answers, by way of ${server}`,
  },
  'cluster-away': {
    level: 'error',
    text: 'the shared store does not answer: what is kept goes on, nothing is stored',
  },
  'key-value-forgotten': { level: 'info', text: 'key-value data forgotten' },
  'reclaim-failed': { level: 'error', text: 'Cannot free the space of deleted modules and data' },
};
