import { expect, test } from 'vitest';
import { hideExperimentalWarnings } from '../../src/commands/hide-warnings.ts';

test('hides that features are experimental, and passes all other warnings on', () => {
  const told: unknown[][] = [];
  const from: Pick<NodeJS.Process, 'emitWarning'> = {
    emitWarning: (...parts: readonly unknown[]) => {
      told.push([...parts]);
    },
  };
  hideExperimentalWarnings(from);
  const experimental = Object.assign(new Error('three'), { name: 'ExperimentalWarning' });
  from.emitWarning('one', 'ExperimentalWarning');
  from.emitWarning('two', { type: 'ExperimentalWarning' });
  from.emitWarning(experimental);
  expect(told).toEqual([]);
  const other = new Error('four');
  from.emitWarning('five');
  from.emitWarning('six', 'DeprecationWarning', 'DEP1');
  from.emitWarning(other);
  expect(told).toEqual([['five'], ['six', 'DeprecationWarning', 'DEP1'], [other]]);
});
