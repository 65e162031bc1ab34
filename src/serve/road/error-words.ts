/** What the daemon's own error pages say to a visitor, and to the owner of the site. Data. */
import type { ErrorCode } from '../../errors.ts';

export interface ErrorWords {
  readonly title: string;
  /** What a visitor can do; left out: nothing. */
  readonly visitor?: string;
  /** The next step of whoever answers for the site. */
  readonly owner?: string;
}

const laterAndId = 'Try again later. If it stays, tell the owner of this site the request below.';
const failed: ErrorWords = {
  title: 'This page failed',
  visitor: laterAndId,
  owner: 'The log has the reason: terrafirma logs --request ID',
};
const tookTooLong: ErrorWords = {
  title: 'This page took too long',
  visitor: laterAndId,
  owner: 'The function reached a limit: make it do less, or ask the operator for more.',
};
const setUpWrongly: ErrorWords = {
  title: 'Set up wrongly',
  owner: 'terrafirma doctor says what is to be done.',
};
const notAllowed: ErrorWords = { title: 'Not allowed' };
const badRequest: ErrorWords = { title: 'That request cannot be answered' };

export const errorWords: { readonly [code in ErrorCode]?: ErrorWords } = {
  'no-record': {
    title: 'This name is not set up',
    owner: 'Set _keybase_pages.HOST. TXT "kbp=/keybase/private/you,bot/"',
  },
  'bad-record': setUpWrongly,
  'bad-manifest': setUpWrongly,
  'bad-settings': setUpWrongly,
  'secret-unreadable': { ...setUpWrongly, title: 'Not ready' },
  'folder-not-found': { title: 'Nothing at this address', owner: setUpWrongly.owner ?? '' },
  'folder-unreachable': { title: 'Not reachable right now', visitor: laterAndId },
  'folder-forbidden': notAllowed,
  'host-denied': notAllowed,
  banned: notAllowed,
  'no-permission': notAllowed,
  'forbidden-path': notAllowed,
  unauthorized: { title: 'A password is needed' },
  'too-many-logins': { title: 'Too many passwords were tried', visitor: 'Wait a moment.' },
  'not-found': { title: 'Not found', visitor: 'Look whether the address is spelled as you meant.' },
  gone: { title: 'Gone' },
  'module-refused': {
    title: 'Not ready',
    owner: 'The module was refused for the reason above: put a good one in its place.',
  },
  'module-quarantined': {
    title: 'Not ready',
    owner: 'The operator can let the module run again: terrafirma release',
  },
  'no-verdict': { title: 'Not ready yet', visitor: 'Load the page again in a moment.' },
  'guest-trapped': failed,
  'guest-exited': failed,
  'guest-out-of-memory': failed,
  'bad-reply': failed,
  'reply-too-large': failed,
  'data-not-stored': failed,
  'run-ended': failed,
  internal: { title: 'This server failed', visitor: laterAndId },
  'thread-lost': { title: 'This server failed', visitor: 'Load the page again.' },
  'guest-out-of-cpu': tookTooLong,
  'guest-out-of-time': tookTooLong,
  overloaded: { title: 'Too busy right now', visitor: 'Load the page again in a moment.' },
  draining: { title: 'Just restarting', visitor: 'Load the page again in a moment.' },
  'dns-failed': { title: 'This name cannot be looked up', visitor: laterAndId },
  'dns-timeout': { title: 'This name cannot be looked up', visitor: laterAndId },
  misdirected: { title: 'This is not the server for that name' },
  'bad-host': badRequest,
  'bad-path': badRequest,
  'bad-request': badRequest,
};

/** At `/` a site without anything is only just being made. */
export const nothingAtRoot: ErrorWords = {
  title: 'Nothing at this address yet',
  owner: 'Put index.html or index.wasm into the folder.',
};

export const otherWords: ErrorWords = { title: 'This request failed' };
