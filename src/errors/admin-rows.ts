/** What operators do, and what goes wrong when they, or who pretends to be one, ask for it. */
import type { ErrorRow } from './row.ts';

export const adminRows = {
  banned: {
    status: 403,
    fault: 'visitor',
    sentence: 'Cannot answer: the operator of this server does not allow it',
    shown: false,
  },
  'run-ended': {
    status: 503,
    fault: 'operator',
    sentence: 'Cannot answer: the operator of this server has ended the function',
    shown: true,
  },
  'admin-token': {
    status: 401,
    fault: 'visitor',
    sentence: 'Cannot answer: the request must show the token of the admin listener',
    shown: true,
    headers: [['www-authenticate', 'Bearer realm="terrafirma"']],
  },
  'admin-tries': {
    status: 429,
    fault: 'visitor',
    sentence: 'Cannot answer: too many wrong tokens came from this address; try again in a minute',
    shown: true,
    retryAfterS: 60,
  },
  'admin-origin': {
    status: 403,
    fault: 'visitor',
    sentence: 'Cannot answer: a page of another site must not operate the daemon',
    shown: true,
  },
  'owner-session': {
    status: 401,
    fault: 'visitor',
    sentence: 'Cannot answer: the browser must be signed in to the folder',
    shown: true,
  },
  'sign-in-tries': {
    status: 429,
    fault: 'visitor',
    sentence: 'Cannot show another code: too many were asked for; try again in a minute',
    shown: true,
    retryAfterS: 60,
  },
  'panel-https': {
    status: 403,
    fault: 'visitor',
    sentence: 'Cannot answer: this page must be asked for by HTTPS',
    shown: true,
  },
  'panel-away': {
    status: 503,
    fault: 'operator',
    sentence: 'Cannot answer now: the dashboard does not answer; try again',
    shown: true,
    retryAfterS: 2,
  },
  'admin-type': {
    status: 415,
    fault: 'visitor',
    sentence: 'Cannot change anything: the request must be of the type application/json',
    shown: true,
  },
  'admin-verb': {
    status: 404,
    fault: 'visitor',
    sentence: 'Cannot answer: there must be something of that name',
    shown: true,
  },
  'admin-request': {
    status: 400,
    fault: 'visitor',
    sentence: 'Cannot answer: the request must be one that the verb knows',
    shown: true,
  },
  'admin-method': {
    status: 405,
    fault: 'visitor',
    sentence: 'Cannot answer: the path must know the method',
    shown: true,
  },
  precondition: {
    status: 412,
    fault: 'visitor',
    sentence: 'Cannot change it: it must be what the request says that it is',
    shown: true,
  },
  // Of the command line, which speaks to a daemon.
  unreachable: {
    status: 500,
    fault: 'operator',
    sentence: 'Cannot reach the daemon: its admin socket must answer',
    shown: true,
  },
  refused: {
    status: 500,
    fault: 'operator',
    sentence: 'Cannot do it: the daemon has refused',
    shown: true,
  },
  'admin-busy': {
    status: 503,
    fault: 'operator',
    sentence: 'Cannot answer now: too many requests or streams to the admin listener',
    shown: true,
    retryAfterS: 1,
  },
} as const satisfies Record<string, ErrorRow>;
