/** Starts a program before any request, if that may be: see engine/early/early-start.ts. */
import type { EarlyCapabilities } from '../../abi/abi.ts';
import type { EarlyRules } from '../../abi/early.ts';
import type { Program } from '../../threads/program.ts';
import type { EarlyEnd } from '../early/early-side.ts';
import { findMarks, makeMarks, prepareResuming } from '../early/early-start.ts';
import type { Resume } from '../early/resume.ts';
import { FirstState } from '../restore/first-state.ts';
import type { Activation } from '../run/activation.ts';
import { follow } from '../turn/follow.ts';
import type { MadeInstance } from './instance-maker.ts';

export interface StartingOptions {
  readonly program: Program;
  readonly rules: EarlyRules;
  readonly capabilities: EarlyCapabilities;
  readonly instantiate: () => MadeInstance;
}

export interface StartedOnce {
  readonly made: MadeInstance;
  readonly resume: Resume;
  /** Bytes of each memory that were not zero before the start. */
  readonly lengthsMin: readonly number[];
}

/** What Go's runtime asks for. */
const seedBytes = 32;
const noVariables: ReadonlyMap<string, string> = new Map();

/**
 * The instance whose start is everybody's; undefined where there can be none. Each of the two
 * starts has the whole budget of the run.
 *
 * @throws what a start ended with that trapped, exited or met a limit
 */
export async function startOnce(
  activation: Activation,
  options: StartingOptions,
): Promise<StartedOnce | undefined> {
  const { rules, instantiate } = options;
  const marks = makeMarks(rules.markLength);
  const start = starting(activation, options);
  const twin = instantiate();
  try {
    const other = await start(twin, marks.other);
    activation.renewBudget();
    const made = instantiate();
    try {
      const measure = FirstState.measure(made.instance.memories.all);
      const lengthsMin = (await follow(activation, measure)) as readonly number[];
      const one = await start(made, marks.one);
      const looking = findMarks({ one, other }, marks);
      const marksAt = (await follow(activation, looking)) as readonly number[] | undefined;
      const freshAt = marksAt && prepareResuming(one, start.plan);
      if (freshAt !== undefined && one.kept !== undefined) {
        const resume = { freshAt, marksAt: marksAt ?? [], kept: one.kept };
        made.instance.early?.resumeWith(resume);
        activation.renewBudget();
        return { made, resume, lengthsMin };
      }
    } catch (error) {
      made.discard();
      throw error;
    }
    made.discard();
    return undefined;
  } finally {
    twin.discard();
  }
}

function starting(activation: Activation, { program, capabilities }: StartingOptions) {
  const seed = new Uint8Array(seedBytes);
  capabilities.fillRandom(seed);
  const { environment = noVariables } = capabilities.settings ?? {};
  const plan = {
    environment,
    seed,
    places: program.early ?? new Map<string, number>(),
    fillRandom: (target: Uint8Array): void => {
      if (target.length === seedBytes) target.set(seed);
      else capabilities.fillRandom(target);
    },
  };
  const start = async ({ instance }: MadeInstance, mark: string): Promise<EarlyEnd> => {
    instance.attach(activation);
    const end = await instance.startEarly({ ...plan, mark });
    // What stopped it was no fault; what the host has ended stays so.
    if (end.stoppedAt !== undefined && !activation.forgive()) activation.requireAlive();
    return end;
  };
  return Object.assign(start, { plan });
}
