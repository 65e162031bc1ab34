import { describe, expect, test } from 'vitest';
import { traceIdOf } from '../../../src/abi/fastly/downstream/trace-id.ts';
import { listEnvironment } from '../../../src/abi/fastly/environment.ts';
import { World } from '../../support/abi-world.ts';
import { FastlyExchange } from '../../support/fastly-exchange.ts';

function variablesWith(own: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const capabilities = new World();
  capabilities.settings = { ...capabilities.settings, environment: own };
  const exchange = new FastlyExchange({ id: '4fa1c2d3e4b5-1z' });
  const lines = listEnvironment({ exchange, capabilities, body: new Uint8Array(0) });
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

describe('the environment of a program', () => {
  test('has what the vendor says of the service, and the id of the request', () => {
    const variables = variablesWith(new Map());
    expect([...variables.keys()].sort()).toEqual([
      'FASTLY_CACHE_GENERATION',
      'FASTLY_CUSTOMER_ID',
      'FASTLY_HOSTNAME',
      'FASTLY_IS_STAGING',
      'FASTLY_POP',
      'FASTLY_REGION',
      'FASTLY_SERVICE_ID',
      'FASTLY_SERVICE_VERSION',
      'FASTLY_TRACE_ID',
    ]);
    expect(variables.get('FASTLY_TRACE_ID')).toBe(traceIdOf('4fa1c2d3e4b5-1z'));
  });

  test('is the owner’s to say otherwise, but for the id', () => {
    const variables = variablesWith(
      new Map([
        ['FASTLY_POP', 'BER'],
        ['GREETING', 'grüß\0 dich'],
        ['no=name', 'x'],
        ['FASTLY_TRACE_ID', 'mine'],
      ]),
    );
    expect(variables.get('FASTLY_POP')).toBe('BER');
    expect(variables.get('FASTLY_REGION')).toBe('Somewhere');
    expect(variables.get('GREETING')).toBe(Buffer.from('grüß dich').toString('latin1'));
    expect(variables.has('no')).toBe(false);
    expect(variables.get('FASTLY_TRACE_ID')).toBe(traceIdOf('4fa1c2d3e4b5-1z'));
  });
});

test.each([
  ['4fa1c2d3e4b5-1z', '4fa1c2d3e4b500000000000000000047'],
  ['4fa1c2d3e4b5-0', '4fa1c2d3e4b500000000000000000000'],
  ['6f9619ff-8b86-d011-b42d-00c04fc964ff', '6f9619ff8b86d011b42d00c04fc964ff'],
  ['6f9619ff8b86d011b42d00c04fc964ff', '6f9619ff8b86d011b42d00c04fc964ff'],
  ['from a proxy', '0000000066726f6d20612070726f7879'],
  [`${'a'.repeat(20)}-zzzzzzzzz`, `${'a'.repeat(20)}5c5e4523ffff`],
])('of the id %s programs see 32 digits', (id, expected) => {
  expect(traceIdOf(id)).toBe(expected);
});
