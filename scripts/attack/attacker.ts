/**
 * The attacking process: runs one attack until its standard input ends. Own process, so that its
 * work does not delay the measuring of Alice's answers.
 */
import type { Target } from './attack.ts';
import { attacks } from './catalogue.ts';

async function main(): Promise<void> {
  const [name, json = '{}'] = process.argv.slice(2);
  const attack = attacks.find((each) => each.name === name);
  if (attack === undefined) throw new RangeError(`Cannot attack: unknown attack: received ${name}`);
  const over = new AbortController();
  process.stdin.on('end', () => over.abort());
  process.stdin.resume();
  over.signal.addEventListener('abort', () => {
    // Whatever still hangs on a socket is of no interest any more.
    setTimeout(() => process.exit(0), 500);
  });
  await attack.attack(JSON.parse(json) as Target, over.signal);
}

await main();
