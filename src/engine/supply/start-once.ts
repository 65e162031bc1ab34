/** Starts a program before any request, if that may be: see engine/early/early-start.ts. */
import { Buffer } from 'node:buffer';
import type { EarlyCapabilities } from '../../abi/abi.ts';
import type { EarlyRules } from '../../abi/early.ts';
import type { Steps } from '../../abi/steps.ts';
import type { EarlyFacts, Program } from '../../threads/program.ts';
import type { EarlyEnd } from '../early/early-side.ts';
import { findMarks, makeMarks, prepareResuming } from '../early/early-start.ts';
import type { Resume } from '../early/resume.ts';
import { findSlots } from '../early/told-slots.ts';
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
const noFacts: EarlyFacts = { places: new Map(), told: undefined };
const noVariables: ReadonlyMap<string, string> = new Map();
/** More copies than this of what a request has, beside those that are made of each string. */
const marksMax = 64;
/** The runtime has all of them as one text, and then each by itself. */
const copiesOfEach = 2;

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
  const { strings } = rules;
  const told = strings === undefined ? 0 : strings.argumentsMax + strings.variablesMax;
  const marks = { ...makeMarks(rules.markLength), copiesMax: marksMax + copiesOfEach * told };
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
      const found = marksAt && { marksAt, rules, mark: marks.one, ...start.plan };
      const resuming = found && follow(activation, resumeOf(one, found));
      const resume = (await resuming) as Resume | undefined;
      if (resume !== undefined) {
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

interface Found {
  readonly marksAt: readonly number[];
  readonly rules: EarlyRules;
  readonly mark: string;
  readonly seed: Uint8Array;
  readonly facts: EarlyFacts;
}

/** Leaves in memory what all requests begin with; undefined where they cannot. */
function* resumeOf(
  one: EarlyEnd,
  { marksAt, rules, mark, seed, facts }: Found,
): Steps<Resume | undefined> {
  const freshAt = prepareResuming(one, { seed });
  const { kept } = one;
  if (freshAt === undefined || kept === undefined) return undefined;
  const { strings } = rules;
  if (strings === undefined) return { freshAt, marksAt, slots: undefined, kept };
  const memory = Buffer.from(one.memory.buffer);
  const slots = facts.told && (yield* findSlots(memory, facts.told, { strings, mark }));
  return slots && { freshAt, marksAt: [], slots, kept };
}

function starting(activation: Activation, { program, capabilities }: StartingOptions) {
  const seed = new Uint8Array(seedBytes);
  capabilities.fillRandom(seed);
  const { environment = noVariables } = capabilities.settings ?? {};
  const plan = {
    environment,
    hasData: capabilities.keyValue?.data !== undefined,
    seed,
    facts: program.early ?? noFacts,
    fillRandom: (target: Uint8Array): void => {
      if (target.length === seedBytes) target.set(seed);
      else capabilities.fillRandom(target);
    },
  };
  const start = async ({ instance }: MadeInstance, mark: string): Promise<EarlyEnd> => {
    instance.attach(activation);
    const end = await instance.startEarly({ ...plan, mark });
    // What stopped it was no fault; what the host has ended stays so.
    if (end.place !== undefined && !activation.forgive()) activation.requireAlive();
    return end;
  };
  return Object.assign(start, { plan });
}
