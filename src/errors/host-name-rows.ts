/** What goes wrong on the way from a host name to its folder. */
import type { ErrorRow } from './row.ts';

export const hostNameRows = {
  'no-record': {
    status: 503,
    fault: 'owner',
    sentence: 'Cannot find the folder of this host name: no TXT record begins with kbp=',
    shown: true,
  },
  'bad-record': {
    status: 412,
    fault: 'owner',
    sentence: 'Cannot find the folder of this host name: its TXT record is malformed',
    shown: true,
  },
  'dns-failed': {
    status: 502,
    fault: 'upstream',
    sentence: 'Cannot look up the host name: the DNS servers failed',
    shown: true,
  },
  'dns-timeout': {
    status: 504,
    fault: 'upstream',
    sentence: 'Cannot look up the host name: the DNS servers did not answer in time',
    shown: true,
  },
  'folder-not-found': {
    status: 404,
    fault: 'owner',
    sentence: 'Cannot serve this host name: its folder is not served here',
    shown: false,
  },
  'folder-forbidden': {
    status: 403,
    fault: 'owner',
    sentence: 'Cannot serve this host name: its folder does not allow it',
    shown: false,
  },
  'host-denied': {
    status: 403,
    fault: 'operator',
    sentence: 'Cannot serve this host name: this server does not allow it',
    shown: false,
  },
  'bad-manifest': {
    status: 412,
    fault: 'owner',
    sentence: 'Cannot serve the folder: its .kbp_config is invalid',
    shown: true,
  },
  'bad-settings': {
    status: 412,
    fault: 'owner',
    sentence: 'Cannot run the modules of the folder: a settings file is invalid',
    shown: true,
  },
  'secret-unreadable': {
    status: 503,
    fault: 'owner',
    sentence: 'Cannot run the module: a sealed secret of its terrafirma.toml does not open here',
    shown: true,
  },
  'folder-unreachable': {
    status: 503,
    fault: 'operator',
    sentence: 'Cannot serve the folder: it cannot be reached right now',
    shown: false,
    retryAfterS: 10,
  },
} as const satisfies Record<string, ErrorRow>;
