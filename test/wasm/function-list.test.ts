import { expect, test } from 'vitest';
import { describeFunction, listFunctions } from '../../src/wasm/function-list.ts';
import { bytesOf, header, moduleExporting, section } from '../deploy/wasm-bytes.ts';

const functions = [section(1, [1, 0x60, 0, 0]), section(3, [2, 0, 0])];
const code = section(10, [2, 2, 0, 0x0b, 3, 0, 0x01, 0x0b]);
const nameSection = (...content: number[]) => section(0, [4, 0x6e, 0x61, 0x6d, 0x65, ...content]);

test('lists functions with their sizes, imports counted', () => {
  expect(listFunctions(bytesOf(header, ...functions, code), 3)).toEqual([
    { index: 3, bodyBytes: 2 },
    { index: 4, bodyBytes: 3 },
  ]);
  expect(listFunctions(bytesOf(header), 0)).toEqual([]);
});

test('names functions by the name section, then by exports, then not at all', () => {
  const named = bytesOf(header, ...functions, code, nameSection(1, 6, 1, 1, 3, 0x61, 0x22, 0x0a));
  expect(describeFunction(named, 1)).toBe('function 1 ("a??")');
  expect(describeFunction(named, 0)).toBe('function 0');
  expect(describeFunction(moduleExporting('main'), 0)).toBe('function 0 ("main")');
});

test('a broken name section names nothing', () => {
  const broken = bytesOf(header, ...functions, code, nameSection(1, 6, 9, 1, 99));
  expect(describeFunction(broken, 1)).toBe('function 1');
});
