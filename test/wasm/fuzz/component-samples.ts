/** Components that are damaged at random: own ones of all kinds. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { component, leb, list, preamble, section } from '../../support/component-bytes.ts';
import { callingGuest } from '../../support/component-calls.ts';
import { cliGuest } from '../../support/component-guests.ts';

const folder = path.join(import.meta.dirname, '../../guests/components');
/** Larger ones are damaged where nothing but their code is. */
const sampleBytesMax = 200_000;

export function componentSamples(): readonly Uint8Array[] {
  return [
    callingGuest({ code: '(call $answer (local.get $out) (i32.const 0) (i32.const 4))' }),
    cliGuest('(func (export "run") (result i32) (i32.const 0))'),
    nested(),
    ...readGuests(),
  ];
}

/** Components in components, with types and aliases and no code. */
function nested(): Uint8Array {
  const types = list(7, [
    [0x72, 0x01, 0x01, 0x61, 0x79],
    [0x70, 0x00],
    [0x40, 0x01, 0x01, 0x78, 0x01, 0x00, 0x01],
  ]);
  const inner = section(4, [...preamble, ...types, ...list(6, [[0x03, 0x02, 0x01, ...leb(0)]])]);
  return component(types, inner, list(5, [[0x00, 0x00, 0x00]]));
}

function readGuests(): readonly Uint8Array[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.wasm'))
    .sort()
    .map((name) => readFileSync(path.join(folder, name)))
    .filter(({ length }) => length <= sampleBytesMax);
}
