import { describe, expect, test } from 'vitest';
import { errorNames } from '../../../src/abi/component/error-codes.ts';
import { Interfaces } from '../../../src/abi/component/interfaces.ts';

const interfaces = new Interfaces();

/** Whose functions are about things that no guest is given. */
const unreachable = /^wasi:(?:filesystem\/types|sockets\/(?:tcp|udp|ip-name-lookup|types)@)/;

describe('Interfaces', () => {
  test('have every function that they declare, but for those that nobody can call', () => {
    const missing = [...interfaces.imports.values()].flatMap(({ name, functions }) =>
      [...functions]
        .filter(([, known]) => known.function === undefined)
        .map(([each]) => `${name}#${each}`),
    );
    expect(missing.filter((each) => !unreachable.test(each))).toEqual([]);
  });

  test('are the same for all versions of 0.2, and for no other', () => {
    expect(interfaces.findImport('wasi:io/streams@0.2.12')?.name).toBe('wasi:io/streams@0.2.0');
    expect(interfaces.findImport('wasi:io/streams@0.3.0')).toBeUndefined();
    expect(interfaces.findImport('wasi:io/streams@0.2.0-rc-2023-11-10')).toBeUndefined();
  });

  test('have the errors of HTTP in the order of the interface', () => {
    const type = interfaces.findImport('wasi:http/types@0.2.0')?.types.get('error-code');
    const names = type?.kind === 'variant' ? type.cases.map(({ name }) => name) : [];
    expect(errorNames).toEqual(names);
  });

  test('mean one resource by all names of it', () => {
    const types = (name: string) => interfaces.findImport(name)?.types;
    const own = types('wasi:io/streams@0.2.0')?.get('input-stream');
    expect(types('wasi:http/types@0.2.0')?.get('input-stream')).toBe(own);
    expect(types('wasi:http/types@0.2.0')?.get('trailers')).toBe(
      types('wasi:http/types@0.2.0')?.get('fields'),
    );
  });
});
