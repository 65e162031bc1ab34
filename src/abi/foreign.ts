/**
 * Modules built for other hosts: told by their imports, which nobody else has, so that the refusal
 * says what the module is and what to build instead. Pure.
 */
import { quoteReceived } from '../names/quote.ts';
import type { ModuleFace } from './abi.ts';

interface Foreign {
  readonly what: string;
  readonly isOne: (face: ModuleFace) => boolean;
  readonly instead: string;
}

const programForm =
  'a WASI preview1 program, which reads the request from standard input and answers';
const namedMax = 10;

const foreigners: readonly Foreign[] = [
  {
    what: 'an Extism plug-in',
    isOne: importsFrom('extism:host/env', 'extism:host/user'),
    instead: `build ${programForm}, without the Extism kit`,
  },
  {
    what: 'a waPC guest',
    isOne: (face) => importsFrom('wapc')(face) || exportsName('__guest_call')(face),
    instead: `build ${programForm}, without the waPC kit`,
  },
  {
    what: 'a filter for proxies (Proxy-Wasm)',
    isOne: importsName(/^proxy_/, 'env'),
    instead: `build ${programForm}`,
  },
  {
    what: 'Rust with wasm-bindgen, which needs its JavaScript',
    isOne: ({ imports }) => imports.some(isFromBindgen),
    instead: 'build a program with `main` for the target wasm32-wasip1, without wasm-bindgen',
  },
  {
    what: 'Go for browsers (GOOS=js)',
    isOne: importsFrom('gojs', 'go'),
    instead: 'build with GOOS=wasip1, or with TinyGo for the target wasip1',
  },
  {
    what: 'a WASIX program',
    isOne: ({ imports }) => imports.some(({ module }) => module.startsWith('wasix_')),
    instead: 'build it for wasm32-wasip1',
  },
  {
    what: 'Emscripten output that needs its JavaScript',
    isOne: isEmscripten,
    instead: 'link a program with `main` with -sSTANDALONE_WASM',
  },
  {
    what: 'AssemblyScript without WASI',
    isOne: isAssemblyScript,
    instead:
      'build with @assemblyscript/wasi-shim and an export `_start`, or with an export `run` and ' +
      'the hostcalls of Terrarium',
  },
];

/** Why a module of somebody else's host is refused; undefined when it is none of those we know. */
export function explainForeign(face: ModuleFace): string | undefined {
  const found = foreigners.find(({ isOne }) => isOne(face));
  if (found === undefined) return undefined;
  return `Cannot run the module: it is ${found.what}: ${found.instead}: ${listFace(face)}`;
}

/** What it asks for and offers, as far as a person reads. */
export function listFace({ imports, exports }: ModuleFace): string {
  const asked = imports.map(({ module, name }) => quoteReceived(`${module}.${name}`));
  const offered = exports.map(({ name }) => quoteReceived(name));
  return `received imports ${listNames(asked)}; exports ${listNames(offered)}`;
}

function listNames(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const rest = names.length - namedMax;
  return [...names.slice(0, namedMax), ...(rest > 0 ? [`and ${rest} more`] : [])].join(', ');
}

function importsFrom(...modules: readonly string[]): Foreign['isOne'] {
  return ({ imports }) => imports.some(({ module }) => modules.includes(module));
}

function importsName(name: RegExp, from: string): Foreign['isOne'] {
  return ({ imports }) => imports.some((each) => each.module === from && name.test(each.name));
}

function exportsName(wanted: string): Foreign['isOne'] {
  return ({ exports }) => exports.some(({ name }) => name === wanted);
}

function isFromBindgen({ module, name }: ModuleFace['imports'][number]): boolean {
  return module.startsWith('__wbindgen_') || module === 'wbg' || /^__wb(?:g|indgen)_/.test(name);
}

/** Its JavaScript's functions, or, made small, all of a module named `a` or `env` by one letter. */
function isEmscripten(face: ModuleFace): boolean {
  if (importsName(/^(?:invoke_[vijfd]+|_?emscripten_(?!notify_)|_embind_|__syscall_)/, 'env')(face))
    return true;
  const { imports } = face;
  return (
    imports.length > 0 && imports.every(({ module, name }) => module === 'a' && name.length < 3)
  );
}

/** Its `abort` takes four addresses; a module with an entry of ours may have it too. */
function isAssemblyScript(face: ModuleFace): boolean {
  const hasEntry = exportsName('run')(face) || exportsName('_start')(face);
  const asks = importsName(/^(?:abort|trace|seed|console\.\w+)$/, 'env')(face);
  return !hasEntry && asks && face.imports.every(({ module }) => module === 'env');
}
