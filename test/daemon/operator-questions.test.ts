import { expect, test } from 'vitest';
import { OperatorQuestions } from '../../src/daemon/operator-questions.ts';

test('a thread that cannot be asked is left out, and keeps no timer', async () => {
  const questions = new OperatorQuestions();
  const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const broken = {
    postMessage: () => {
      throw new Error('gone');
    },
  };
  const other = { postMessage: ({ id }: { id: number }) => questions.take(id, answer) };
  const answer = { kind: 'sites', sites: [] } as never;
  const answers = await questions.ask({ kind: 'sites' } as never, [broken, other as never]);
  expect(answers).toEqual([answer]);
  const after = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  expect(after).toBe(before);
});
