/**
 * What somebody does who has never seen the program: starts it, deploys, deploys something broken
 * and finds out why (also in the browser), rolls back, bans, restarts under load, backs up and
 * restores elsewhere. With the real program, on loopback: `node scripts/strangers-path.ts`. Ends
 * with 1 at the first step that does not show what it should.
 */
import { spawnSync } from 'node:child_process';
import { readScriptLine } from './command-line.ts';
import { lookAtDashboard } from './path/dashboard.ts';
import { Stage, see } from './path/stage.ts';
import { backUp, ban, deploy, findOutWhy, rollBack } from './path/steps.ts';
import { restartUnderLoad } from './restarts/rounds.ts';

readScriptLine({
  command: 'node scripts/strangers-path.ts',
  about: 'Does what somebody does who has never seen the program, and says whether it shows it.',
  flags: {},
});
await using stage = await Stage.open();
see('it starts, and says where', stage.daemon.port > 0, stage.daemon.url);
const steps = [deploy, findOutWhy, rollBack, lookAtDashboard, ban, backUp];
for (const step of steps) await step(stage);
if (spawnSync('systemd-socket-activate', ['--version']).status === 0) {
  const load = await restartUnderLoad({ restarts: 3, clients: 2, answersMin: 10 });
  const told = `${load.total} answered, ${load.failed.length} failed ${load.failed.join('; ')}`;
  see('restarts under load lose nothing', load.failed.length === 0, told);
} else see('restarts under load: skipped, systemd-socket-activate is not there', true, '');
