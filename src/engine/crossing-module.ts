/** The module of functions that stand between guests and the host; see crossings.ts. */
import type { CoreFace } from '../abi/hostcall.ts';
import { list, moduleHead, nameSection, number, section, text, vector } from './small-module.ts';

/** Of modules of ours that stand between guests and the host: traces of guests leave them out. */
export const ownModuleName = 'terrafirma-entrance';

export interface Crossing {
  readonly face: CoreFace;
  /** Whether the guest may be suspended in it. */
  readonly waits: boolean;
}

const i32 = 0x7f;
const codes: Readonly<Record<string, number>> = { i32, i64: 0x7e, f32: 0x7d, f64: 0x7c };

/** Function types, each once. */
class Types {
  readonly #known = new Map<string, number>();
  readonly all: (readonly number[])[] = [];

  of({ params, results }: CoreFace): number {
    const key = `${params.join(' ')} -> ${results.join(' ')}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#known.set(key, this.all.length);
    return this.all.push([0x60, ...list(params.map(codeOf)), ...list(results.map(codeOf))]) - 1;
  }
}

/** What the functions suspend in, one for each type of answers. */
class Waits {
  readonly #places = new Map<string, number>();
  /** Types of the imports, in their order. */
  readonly types: number[] = [];

  constructor(crossings: readonly Crossing[], types: Types) {
    for (const { face, waits } of crossings) {
      const { results } = face;
      const key = results.join(' ');
      if (!waits || this.#places.has(key)) continue;
      this.#places.set(key, this.types.push(types.of({ params: [], results })) - 1);
    }
  }

  placeOf({ results }: CoreFace): number {
    return this.#places.get(results.join(' ')) ?? 0;
  }
}

/**
 *   (module $terrafirma-entrance
 *     (import "host" "waits" (global $waits (mut i32)))
 *     (import "host" "0" (func $call0 (param …) (result …))) …
 *     (import "host" "resume" (func $resume (param i32)))
 *     (import "host" "wait" (func $wait (result …))) …
 *     (import "host" "room" (func $room))
 *     (func (export "0") (param …) (result …)
 *       (call $room)
 *       (call $call0 (local.get 0) …)) …
 *
 * and where the guest may be suspended
 *
 *     (func (export "0") (param …) (result …) (local $serving i32)
 *       (call $room)
 *       (call $call0 (local.get 0) …)
 *       (br_if 0 (i32.eqz (local.tee $serving (global.get $waits))))
 *       (drop)
 *       (global.set $waits (i32.const 0))
 *       (call $wait)
 *       (call $resume (local.get $serving)))
 */
export function crossingBytes(crossings: readonly Crossing[]): Uint8Array<ArrayBuffer> {
  const types = new Types();
  const places = crossings.map(({ face }) => types.of(face));
  const resumeType = types.of({ params: ['i32'], results: [] });
  const waits = new Waits(crossings, types);
  const resume = crossings.length;
  const roomType = types.of({ params: [], results: [] });
  const room = resume + 1 + waits.types.length;
  const own = room + 1;
  const bodies = crossings.map(({ face, waits: mayWait }, call) => {
    const calls = [0x10, ...number(room), ...callOf(face, call)];
    return list(mayWait ? waitingBody(face, { calls, resume, waits }) : [0, ...calls, 0x0b]);
  });
  return Uint8Array.from([
    ...moduleHead,
    ...section(1, vector(types.all)),
    ...section(
      2,
      vector([
        [...text('host'), ...text('waits'), 3, i32, 1],
        ...places.map((type, place) => importOf(`${place}`, type)),
        importOf('resume', resumeType),
        ...waits.types.map((type) => importOf('wait', type)),
        importOf('room', roomType),
      ]),
    ),
    ...section(3, vector(places.map(number))),
    ...section(7, vector(places.map((_, at) => [...text(`${at}`), 0, ...number(own + at)]))),
    ...section(10, vector(bodies)),
    ...nameSection(ownModuleName),
  ]);
}

function importOf(name: string, type: number): readonly number[] {
  return [...text('host'), ...text(name), 0, ...number(type)];
}

function callOf({ params }: CoreFace, call: number): readonly number[] {
  return [...params.flatMap((_, index) => [0x20, ...number(index)]), 0x10, ...number(call)];
}

function waitingBody(
  face: CoreFace,
  {
    calls,
    resume,
    waits,
  }: { readonly calls: readonly number[]; readonly resume: number; readonly waits: Waits },
): readonly number[] {
  const serving = number(face.params.length);
  const wait = number(resume + 1 + waits.placeOf(face));
  return [
    ...[1, 1, i32, ...calls],
    ...[0x23, 0, 0x22, ...serving, 0x45, 0x0d, 0, ...face.results.map(() => 0x1a)],
    ...[0x41, 0, 0x24, 0, 0x10, ...wait, 0x20, ...serving, 0x10, ...number(resume), 0x0b],
  ];
}

function codeOf(type: string): number {
  return codes[type] ?? 0;
}
