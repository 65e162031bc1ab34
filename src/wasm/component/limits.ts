/** What a component may have, beside what each of its core modules may. */
import { TerrafirmaError } from '../../errors.ts';

export interface ComponentLimits {
  readonly bytesMax: number;
  /** Components within components, the outermost one counted. */
  readonly levelsMax: number;
  readonly sectionsMax: number;
  readonly modulesMax: number;
  readonly componentsMax: number;
  /** Core instances and component instances once all is linked: a small file can ask for 2^30. */
  readonly coreInstancesMax: number;
  readonly instancesMax: number;
  readonly typesMax: number;
  /** Types within types, the innermost one counted. */
  readonly typeLevelsMax: number;
  readonly importsMax: number;
  readonly exportsMax: number;
  readonly canonsMax: number;
  /** Fields, cases, items, labels, parameters or arguments of one thing. */
  readonly membersMax: number;
  readonly nameBytesMax: number;
  readonly nameBytesTogetherMax: number;
  /** Of a value that crosses between guest and host, in bytes and in core values. */
  readonly valueBytesMax: number;
  /** As many as it is passed as, one after another. */
  readonly valueFlatMax: number;
  /** Comparing, substituting and linking, in steps of some 100 ns. */
  readonly stepsMax: number;
}

export const defaultComponentLimits: ComponentLimits = {
  bytesMax: 64 * 1024 * 1024,
  levelsMax: 16,
  sectionsMax: 100_000,
  modulesMax: 64,
  componentsMax: 1_000,
  coreInstancesMax: 128,
  instancesMax: 1_024,
  typesMax: 10_000,
  typeLevelsMax: 100,
  importsMax: 1_000,
  exportsMax: 1_000,
  canonsMax: 4_000,
  membersMax: 1_000,
  nameBytesMax: 4_096,
  nameBytesTogetherMax: 1024 * 1024,
  valueBytesMax: 64 * 1024,
  valueFlatMax: 1_000,
  stepsMax: 5_000_000,
};

/** What is wrong, what was there, and where. */
export function refuseComponent(rule: string, received: string, offset: number): TerrafirmaError {
  return new TerrafirmaError(
    'module-refused',
    `Cannot read the component: ${rule}: received ${received} at offset ${offset}`,
  );
}

/** Names are a stranger's, and may be long. */
export function quoteName(name: string): string {
  const shown = name.length > 80 ? `${name.slice(0, 80)}…` : name;
  return JSON.stringify(shown).replace(/[^\x20-\x7e…]/g, '?');
}
