/**
 * The way out of a loop to pay. A call inside a loop, even one that hardly ever happens, keeps V8
 * from unrolling the loop and from holding its values in registers: so the loop is left for it and
 * entered again. Three labels stand around such a loop, and branches across them count them too:
 *
 *   block $on            as the loop, without its operands
 *     loop $again
 *       block $pay
 *         loop …         the original: br_if $pay where the counter has reached the quantum
 *         end
 *         br $on
 *       end
 *       counter = spend(counter)
 *       br $again
 *     end
 *   end
 */
import { type InstructionCursor, isRetargeted, namesLabel } from '../binary/cursor.ts';
import { Op } from '../binary/opcodes.ts';
import { LoopFact } from '../binary/scan.ts';
import type { BodyContext } from './body-context.ts';
import type { Emitter } from './emitter.ts';
import type { Frame, FrameStack } from './frames.ts';

/** Loops that call or hold others gain nothing; those with operands need types of their own. */
const unfit = LoopFact.calls | LoopFact.hasLoop | LoopFact.namesLabels;

/** Whether a loop may have a detour; `blockType` is negative for none or one result. */
export function mayDetour(facts: number, blockType: number): boolean {
  return (facts & unfit) === 0 && blockType < 0;
}

/** At the end of a loop, which is under the cursor: the weight of a round, and labels around it. */
export function closeLoop(
  frame: Frame,
  cursor: InstructionCursor,
  { emitter, charges }: Pick<BodyContext, 'emitter' | 'charges'>,
): void {
  const { weightAt, roundWeight } = frame;
  if (weightAt >= 0) emitter.patchWeight(weightAt, roundWeight);
  if (frame.addedLabels === 0) return;
  emitter.copyTo(cursor.pos);
  if (frame.hasExit) emitter.end();
  else emitter.endDetour(charges.spend(), weightAt >= 0 ? roundWeight : 0);
}

/** Rewrites the labels of a branch under the cursor where it may cross labels of the meter's. */
export function retargetBranch(
  cursor: InstructionCursor,
  frames: FrameStack,
  emitter: Emitter,
): void {
  const { op, a, at, pos, labels } = cursor;
  if (!frames.areLabelsShifted || !namesLabel(op)) return;
  // A label left as it was would lead short of its target.
  if (!isRetargeted(op)) throw new Error(`Cannot retarget instruction ${op} at offset ${at}`);
  emitter.copyTo(at);
  if (op === Op.brTable) {
    emitter.indexed(op, labels.length - 1);
    for (const label of labels) emitter.u32(frames.writtenLabel(label));
  } else emitter.indexed(op, frames.writtenLabel(a));
  emitter.skipTo(pos);
}
