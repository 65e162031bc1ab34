/** Tells what a file is when it is not a core module, so that the refusal helps its owner. */
import { TerrafirmaError } from '../errors.ts';
import { hexByte } from './binary/reader.ts';

interface Signature {
  readonly bytes: readonly number[];
  readonly what: string;
  readonly advice: string;
}

const signatures: readonly Signature[] = [
  {
    bytes: [0x7f, 0x45, 0x4c, 0x46],
    what: 'an ELF file (a program for Linux)',
    advice: 'build it for a wasm32 target',
  },
  {
    bytes: [0x1f, 0x8b],
    what: 'a gzip file',
    advice: 'put the unpacked .wasm into the folder',
  },
  {
    bytes: [0x28, 0xb5, 0x2f, 0xfd],
    what: 'a zstd file',
    advice: 'put the unpacked .wasm into the folder',
  },
  {
    bytes: [0x50, 0x4b, 0x03, 0x04],
    what: 'a zip file',
    advice: 'put the unpacked .wasm into the folder',
  },
  {
    bytes: [0x42, 0x43, 0xc0, 0xde],
    what: 'LLVM bitcode',
    advice: 'link it into a module first',
  },
  {
    bytes: [0x4d, 0x5a],
    what: 'a program for Windows',
    advice: 'build it for a wasm32 target',
  },
  {
    bytes: [0xcf, 0xfa, 0xed, 0xfe],
    what: 'a program for macOS',
    advice: 'build it for a wasm32 target',
  },
  {
    bytes: [0x21, 0x3c, 0x61, 0x72, 0x63, 0x68, 0x3e],
    what: 'an archive of object files',
    advice: 'link it into a module first',
  },
];

function startsWith(bytes: Uint8Array, prefix: readonly number[]): boolean {
  return bytes.length >= prefix.length && prefix.every((byte, i) => bytes[i] === byte);
}

function refuse(received: string, advice: string): TerrafirmaError {
  return new TerrafirmaError(
    'module-refused',
    'Cannot read the module: a WebAssembly module of version 1 or a component is needed: ' +
      `received ${received}; ${advice}`,
  );
}

/** The first bytes as text where they are text. */
function textHead(bytes: Uint8Array): string | undefined {
  const head = bytes.subarray(0, 64);
  const isText = head.every((byte) => byte >= 0x20 || byte === 9 || byte === 10 || byte === 13);
  return isText && head.length > 0 ? new TextDecoder().decode(head).trimStart() : undefined;
}

function refuseText(head: string): TerrafirmaError {
  if (head.startsWith('(')) {
    return refuse('WebAssembly text', 'translate it with wat2wasm or wasm-tools parse');
  }
  if (head.startsWith('<')) {
    return refuse('HTML or XML', 'a download page may have been saved in place of the module');
  }
  if (head.startsWith('version https://git-lfs')) {
    return refuse('a Git LFS pointer', 'run git lfs pull');
  }
  if (head.startsWith('#!')) return refuse('a script', 'only WebAssembly runs here');
  return refuse('text', 'put the compiled .wasm into the folder');
}

/** Refuses whatever does not begin like a core module of version 1. */
export function requireCoreModule(bytes: Uint8Array): void {
  if (bytes.length === 0) throw refuse('an empty file', 'the copy may not have finished');
  if (startsWith(bytes, [0x00, 0x61, 0x73, 0x6d])) {
    if (bytes.length < 8) throw refuse(`${bytes.length} bytes`, 'the copy may not have finished');
    if (startsWith(bytes.subarray(4), [1, 0, 0, 0])) return;
    if (bytes[6] === 1 && bytes[7] === 0) {
      throw refuse(
        'a component, not a core module',
        'build without the component step, or run wasm-tools component unbundle',
      );
    }
    const version = [...bytes.subarray(4, 8)].map(hexByte).join(' ');
    throw refuse(`version bytes ${version}`, 'build it with a current toolchain');
  }
  const signature = signatures.find((each) => startsWith(bytes, each.bytes));
  if (signature !== undefined) throw refuse(signature.what, signature.advice);
  const head = textHead(bytes);
  if (head !== undefined) throw refuseText(head);
  const first = [...bytes.subarray(0, 4)].map(hexByte).join(' ');
  throw refuse(`${bytes.length} bytes beginning ${first}`, 'put a .wasm file into the folder');
}
