/** `/v1/reload`, `/v1/drain`, `/v1/backup`: what is done to the daemon as a whole. */
import { isAbsolute } from 'node:path';
import { bodyOf, json, type Route, refuse, textOf } from '../request.ts';
import type { AdminWorld } from '../world.ts';

const pathCharsMax = 4_096;
/** The answer is to be out before the listener that it leaves by is closed. */
const drainDelayMs = 50;

export function daemonRoutes({
  control,
  journal,
}: Pick<AdminWorld, 'control' | 'journal'>): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/reload',
      async answer({ actor }) {
        journal.tell('operator-action', { action: 'reload', target: 'configuration', actor });
        return json({ ...(await control.reload()) });
      },
    },
    {
      method: 'POST',
      path: '/v1/drain',
      answer({ actor }) {
        journal.tell('operator-action', { action: 'drain', target: 'daemon', actor });
        setTimeout(() => control.drain(), drainDelayMs);
        return json({ status: 'draining' }, 202);
      },
    },
    {
      method: 'POST',
      path: '/v1/backup',
      async answer(request) {
        const directory = textOf(bodyOf(request).directory, 'directory', pathCharsMax);
        if (!isAbsolute(directory)) refuse('"directory" must be an absolute path', directory);
        const { actor } = request;
        journal.tell('operator-action', { action: 'backup', target: directory, actor });
        return json({ ...(await control.backup(directory)) });
      },
    },
  ];
}
