/**
 * Edge: V8's flags, which are the process's. Compiles modules whole, so that no function is
 * compiled at its first call, on a visitor's time; and chooses for each module whether V8's
 * optimiser may have it. Code counts how hot it is or does not, and that is decided when the
 * baseline compiler makes it. Nothing else in the process compiles meanwhile: serving threads are
 * given compiled modules.
 */
import { setFlagsFromString } from 'node:v8';
import { TerrafirmaError, toErrorRecord } from '../../errors.ts';
import { explainCompile } from './artifact.ts';
import type { CompileRequest, CompileVerdict } from './builder-messages.ts';

const eagerFlags: readonly string[] = [
  '--no-wasm-lazy-compilation',
  // Code that is thrown away would be compiled again at a call, with the flags of that time.
  '--no-flush-liftoff-code',
];
/** For a compile that somebody waits for, and of what a trial has passed. */
const hurryFlag = '--wasm-num-compilation-tasks=2';
const calmFlag = '--wasm-num-compilation-tasks=1';
const tierFlags = { optimised: '--wasm-dynamic-tiering', baseline: '--no-wasm-dynamic-tiering' };

/**
 * Bytes that a function executes before the optimiser has it. V8's own number is for small programs
 * with few hot functions; a run of a large one calls thousands of functions once or twice each,
 * which would be as slow after ten thousand requests as at the first.
 */
const usualBudget = 13_000_000;
const usualBudgetBytesMax = 64 * 1024;
const budgetMin = 200_000;

/**
 * A section that says nothing: V8 keeps what it compiled by its bytes, and would answer with the
 * form that it made for the other tier.
 */
const baselineMark = Uint8Array.of(0, 9, 8, ...new TextEncoder().encode('baseline'));

const markBytes = baselineMark.length;

/** Memory for a form of so many bytes, with room behind it for what marks it. */
export function allocateForm(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(bytes + markBytes), 0, bytes);
}

/** The budget of each function of a form with so many bytes. */
export function optimisingBudgetOf(formBytes: number): number {
  const share = usualBudgetBytesMax / Math.max(formBytes, usualBudgetBytesMax);
  return Math.max(budgetMin, Math.round(usualBudget * share));
}

/** Compiles every function of every form with the baseline compiler; the optimiser comes later. */
export function compileForms({ forms, tier }: CompileRequest): CompileVerdict {
  for (const flag of eagerFlags) setFlagsFromString(flag);
  try {
    setFlagsFromString(hurryFlag);
    setFlagsFromString(tierFlags[tier]);
    if (tier === 'baseline') setFlagsFromString('--no-wasm-tier-up');
    return { kind: 'compiled', modules: forms.map((form) => compileForm(form, tier)) };
  } catch (cause) {
    const detail = `Cannot accept the module: it must compile: received ${explainCompile(cause)}`;
    const error = new TerrafirmaError('module-refused', detail, { cause });
    return { kind: 'not-compiled', error: toErrorRecord(error) };
  } finally {
    // One thread for each module at most: hot functions wait for each other, not others for them.
    setFlagsFromString(calmFlag);
    setFlagsFromString('--wasm-tier-up');
    setFlagsFromString(tierFlags.optimised);
    setBudget(usualBudget);
  }
}

function compileForm(
  form: Uint8Array<ArrayBuffer>,
  tier: CompileRequest['tier'],
): WebAssembly.Module {
  if (tier === 'optimised') {
    setBudget(optimisingBudgetOf(form.length));
    return new WebAssembly.Module(form);
  }
  return new WebAssembly.Module(markForm(form));
}

/**
 * The form with the mark behind it: in the room that it has for that, because a copy of a large one
 * is thousands of new pages, else in a copy.
 */
function markForm(form: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, length } = form;
  const hasRoom = byteOffset === 0 && buffer.byteLength === length + markBytes;
  const marked = hasRoom ? new Uint8Array(buffer) : new Uint8Array(length + markBytes);
  if (!hasRoom) marked.set(form);
  marked.set(baselineMark, length);
  return marked;
}

function setBudget(bytes: number): void {
  setFlagsFromString(`--wasm-tiering-budget=${bytes}`);
}
