/** The settings of how far modules may reach, of sealed secrets and of schedules. */
import { choice, fileKind, listOf, optional, variableName, yesOrNo } from './kinds.ts';
import { define } from './setting.ts';

export const grantSettings = {
  grantsOutbound: define({
    name: 'grants.outbound',
    summary:
      'Where modules may send requests at most: public addresses, those their folder lists, none',
    kind: choice(['public', 'listed', 'none']),
    fallback: () => 'public' as const,
  }),
  grantsKeyValue: define({
    name: 'grants.kv',
    summary: 'Whether modules may have key-value stores, and programs a /data',
    kind: yesOrNo,
    fallback: () => true,
  }),
  grantsFiles: define({
    name: 'grants.files',
    summary: 'Whether programs may read the files of their folder',
    kind: yesOrNo,
    fallback: () => true,
  }),
  secretsKeyFile: define({
    name: 'secrets.key_file',
    summary: 'The private keys that open sealed secrets, the same on all machines of a site',
    kind: optional(fileKind),
    fallback: () => undefined,
    fallbackWords: 'sealing.json of the state directory',
  }),
  secretsVariables: define({
    name: 'secrets.variables',
    summary:
      'Environment variables of the daemon that every folder may have as secrets (fastly.toml)',
    kind: listOf(variableName, { elementsMax: 64 }),
    fallback: () => [],
  }),
  cronEnabled: define({
    name: 'cron.enabled',
    summary: 'Whether modules are called at the times of their folder’s schedules',
    kind: yesOrNo,
    fallback: () => true,
  }),
} as const;
