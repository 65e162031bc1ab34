import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { findPrograms, readSkipList, runSuite } from '../../scripts/conformance/wasi.ts';

/** A copy of the suite with its programs built; the run is part of CI where it is fetched. */
const suite = process.env.WASI_TESTSUITE ?? '';

test('each program on the skip list says why', () => {
  for (const reason of readSkipList().values()) expect(reason.length).toBeGreaterThan(20);
});

test.skipIf(!existsSync(suite))(
  'the official suite passes (WASI_TESTSUITE where set)',
  async () => {
    expect(findPrograms(suite).size).toBeGreaterThan(0);
    const { failed } = await runSuite(suite, readSkipList());
    expect([...failed]).toEqual([]);
  },
  120_000,
);
