/** `/v1/runs`: what runs or waits now, and its end by an operator. */
import type { RunRow } from '../../threads/operator-messages.ts';
import { json, notThere, type Route, rowsMax } from '../request.ts';
import type { AdminWorld } from '../world.ts';

type Runs = Pick<AdminWorld, 'journal' | 'threads'>;

export function runRoutes(world: Runs): readonly Route[] {
  return [
    { method: 'GET', path: '/v1/runs', answer: async () => json({ runs: await listRuns(world) }) },
    {
      method: 'DELETE',
      path: '/v1/runs/{}',
      async answer({ actor, params: [id = ''] }) {
        await endRun(world, id);
        world.journal.tell('operator-action', { action: 'end-run', target: id, actor });
        return json({ id, outcome: 'ended' });
      },
    },
  ];
}

type Json = Readonly<Record<string, unknown>>;

/** The oldest first: what hangs is what is looked for. */
async function listRuns({ threads }: Runs): Promise<readonly Json[]> {
  const answers = await threads.ask({ ask: 'runs' });
  return answers
    .flatMap((answer) => (answer.ask === 'runs' ? answer.runs : []))
    .sort((one, other) => other.ageMs - one.ageMs)
    .slice(0, rowsMax)
    .map(describeRun);
}

function describeRun({ folderKey, hostName, modulePath, ...rest }: RunRow): Json {
  return { ...rest, host: hostName, folder: folderKey ?? null, module: modulePath ?? null };
}

async function endRun({ threads }: Runs, requestId: string): Promise<void> {
  const answers = await threads.ask({ ask: 'end-run', requestId });
  if (answers.some((answer) => answer.ask === 'end-run' && answer.isFound)) return;
  notThere('run now', requestId, 'end it');
}
