/** A folder's schedules: when they come next, and running one now. */
import { TerrafirmaError } from '../../errors.ts';
import type { FolderKey } from '../../names.ts';
import { type CronEntry, nextTime } from '../../site/settings/cron.ts';
import { bodyOf, json, notThere, type Route, textOf } from '../request.ts';
import type { AdminWorld } from '../world.ts';

type Schedules = Pick<AdminWorld, 'control' | 'journal' | 'publisher'>;

const scheduleCharsMax = 256;

export function describeSchedules(
  entries: readonly CronEntry[],
  nowMs: number,
): readonly Readonly<Record<string, unknown>>[] {
  return entries.map((entry) => ({
    schedule: entry.schedule,
    module: entry.modulePath,
    path: entry.target,
    timezone: entry.timezone,
    missed: entry.makesUp ? 'once' : 'skip',
    next: nextTime(entry, new Date(nowMs))?.toISOString() ?? null,
  }));
}

/** `{"at"}`: which of the folder's schedules; the others say that it is the one that was meant. */
export function scheduleRoutes({ control, journal, publisher }: Schedules): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/folders/{}/cron/run',
      async answer(request) {
        const [folder = ''] = request.params;
        const body = bodyOf(request);
        const schedule = textOf(body.schedule, 'schedule', scheduleCharsMax);
        const module = textOf(body.module, 'module');
        const look = publisher.folders().find(({ folderKey }) => folderKey === folder);
        const entries = look?.site?.settings?.cron ?? [];
        const entry = entries[Number(body.at)];
        if (entry?.schedule !== schedule || entry.modulePath !== module) {
          return notThere('schedule', `${folder}: ${schedule} ${module}`);
        }
        const target = `${folder}/${module} ${schedule}`;
        journal.tell('operator-action', { action: 'run-schedule', target, actor: request.actor });
        return json({ ...(await run(control, folder as FolderKey, entry)) });
      },
    },
  ];
}

/** A run that nobody knows the end of is told as such: it may have done its work. */
async function run(
  control: Schedules['control'],
  folderKey: FolderKey,
  entry: CronEntry,
): ReturnType<Schedules['control']['runSchedule']> {
  try {
    return await control.runSchedule(folderKey, entry);
  } catch (cause) {
    if (cause instanceof TerrafirmaError) throw cause;
    const detail = 'Cannot say how the run ended: its thread has not answered';
    throw new TerrafirmaError('admin-busy', detail, { cause });
  }
}
