/**
 * What `terrafirma new` can begin a project with: the programs of `examples/`, which come with the
 * package, and the command that builds each. Data.
 */

export type TemplateSource = string | { readonly from: string; readonly to: string };

export interface Template {
  readonly id: string;
  readonly summary: string;
  /** Below `examples/`; copied into `src/` of the project, or to where it says. */
  readonly sources: readonly TemplateSource[];
  /** The path of the module in the site; undefined: files alone. */
  readonly module?: string;
  readonly command?: string;
  /** What the command writes; left out: a file of the module's name. */
  readonly output?: string;
  /** What to ask the function for: a query, with its question mark. */
  readonly query?: string;
  /** What its page sends in a POST. */
  readonly body?: string;
  /** Packages of npm that build it, with their versions. */
  readonly packages?: Readonly<Record<string, string>>;
  /** A line for the shell that gets what else builds it, once. */
  readonly getTools?: string;
}

const assemblyscript = { assemblyscript: '^0.28.20' };
const clangWasi = 'clang --target=wasm32-wasi --sysroot=/usr -Xclang -O2';

export const templates: readonly Template[] = [
  {
    id: 'rust',
    summary: 'Rust, as a CGI program (WASI)',
    sources: ['wasi/rust/hello.rs'],
    module: 'hello.wasm',
    command:
      'rustc --edition 2021 --target wasm32-wasip1 -O -C strip=symbols -o hello.wasm src/hello.rs',
    query: '?Ada',
  },
  {
    id: 'rust-terrarium',
    summary: 'Rust, with the hostcalls of Terrarium',
    sources: ['terrarium/rust/badge.rs', 'terrarium/rust/terrarium.rs'],
    module: 'badge.wasm',
    command:
      'rustc --edition 2021 --target wasm32-unknown-unknown --crate-type cdylib ' +
      '-C opt-level=s -C lto -C panic=abort -C strip=symbols -o badge.wasm src/badge.rs',
    query: '?label=build&value=passing',
  },
  {
    id: 'go',
    summary: 'Go, as a CGI program (WASI)',
    sources: ['wasi/go/hello.go'],
    module: 'hello.wasm',
    command: "GOOS=wasip1 GOARCH=wasm go build -ldflags='-s -w' -o hello.wasm src/hello.go",
  },
  {
    id: 'tinygo',
    summary: 'Go, compiled by TinyGo to a tenth of the size',
    sources: ['wasi/go/hello.go'],
    module: 'hello.wasm',
    command: 'tinygo build -target=wasip1 -opt=z -no-debug -o hello.wasm src/hello.go',
  },
  {
    id: 'c',
    summary: 'C with the standard library (WASI)',
    sources: ['wasi/c/hello.c'],
    module: 'hello.wasm',
    command: `${clangWasi} -o hello.wasm src/hello.c`,
    query: '?Ada',
  },
  {
    id: 'c-terrarium',
    summary: 'C without a library, with the hostcalls of Terrarium',
    sources: ['terrarium/c/echo.c', 'terrarium/c/terrarium.h'],
    module: 'echo.wasm',
    command:
      'clang --target=wasm32 -nostdlib -Xclang -O2 -mbulk-memory -Wl,--no-entry ' +
      '-Wl,--strip-all -o echo.wasm src/echo.c',
    query: '?x=1',
  },
  {
    id: 'cpp',
    summary: 'C++ with its standard library (WASI)',
    sources: ['wasi/cpp/sort.cpp'],
    module: 'sort.wasm',
    command:
      'clang++ --target=wasm32-wasi --sysroot=/usr -stdlib=libc++ -fno-exceptions -Xclang -O2 ' +
      '-o sort.wasm src/sort.cpp',
    body: 'pear\napple\n',
  },
  {
    id: 'zig',
    summary: 'Zig with the C library that it brings (WASI)',
    sources: ['wasi/zig/hello.zig'],
    module: 'hello.wasm',
    command:
      'zig build-exe src/hello.zig -target wasm32-wasi -lc -O ReleaseSmall ' +
      '-femit-bin=hello.wasm',
    query: '?Ada',
  },
  {
    id: 'assemblyscript',
    summary: 'AssemblyScript, as a CGI program (WASI)',
    sources: ['wasi/assemblyscript/hello.ts'],
    module: 'hello.wasm',
    command:
      'npx asc src/hello.ts -O --exportStart _start ' +
      '--config node_modules/@assemblyscript/wasi-shim/asconfig.json -o hello.wasm',
    packages: { ...assemblyscript, '@assemblyscript/wasi-shim': '^0.1.0' },
  },
  {
    id: 'assemblyscript-terrarium',
    summary: 'AssemblyScript, with the hostcalls of Terrarium',
    sources: [
      'terrarium/assemblyscript/dice.ts',
      'terrarium/assemblyscript/env.ts',
      'terrarium/assemblyscript/terrarium.ts',
    ],
    module: 'dice.wasm',
    command: 'npx asc -Oz --runtime stub --use abort=src/terrarium/abort -o dice.wasm src/dice.ts',
    query: '?count=3&sides=20',
    packages: assemblyscript,
  },
  {
    id: 'rust-component',
    summary: 'Rust, as a component (wasi:http of WASI 0.2)',
    sources: [
      'components/rust/src/lib.rs',
      { from: 'components/rust/Cargo.toml', to: 'Cargo.toml' },
    ],
    module: 'hello.wasm',
    command: 'cargo build --release --target wasm32-wasip2',
    output: 'target/wasm32-wasip2/release/hello.wasm',
    query: '?Ada',
  },
  {
    id: 'javascript-component',
    summary: 'JavaScript, as a component (wasi:http of WASI 0.2)',
    sources: [
      'components/javascript/greet.js',
      { from: 'components/javascript/build.mjs', to: 'build.mjs' },
      { from: 'components/javascript/wit/world.wit', to: 'wit/world.wit' },
    ],
    module: 'greet.wasm',
    command: 'node build.mjs src/greet.js greet.wasm',
    query: '?name=Ada',
    packages: { '@bytecodealliance/componentize-js': '0.23', '@bytecodealliance/jco': '1.35' },
  },
  {
    id: 'python-component',
    summary: 'Python, as a component (wasi:http of WASI 0.2)',
    sources: [
      'components/python/greet.py',
      { from: 'components/python/build.py', to: 'build.py' },
      { from: 'components/python/wit/world.wit', to: 'wit/world.wit' },
    ],
    module: 'greet.wasm',
    command: 'python3 build.py greet greet.wasm',
    query: '?name=Ada',
    // Has the interfaces.
    packages: { '@bytecodealliance/jco': '1.35' },
    getTools: 'python3 -m venv tools && tools/bin/pip install componentize-py',
  },
  {
    id: 'fastly-rust',
    summary: 'Rust, as a program for Fastly Compute',
    sources: [
      'fastly/rust/src/main.rs',
      { from: 'fastly/rust/Cargo.toml', to: 'Cargo.toml' },
      { from: 'fastly/rust/fastly.toml', to: 'site/fastly.toml' },
    ],
    module: 'proxy.wasm',
    command: 'cargo build --release --target wasm32-wasip1',
    output: 'target/wasm32-wasip1/release/proxy.wasm',
  },
  {
    id: 'fastly-javascript',
    summary: 'JavaScript, as a program for Fastly Compute',
    sources: [
      'fastly/javascript/src/index.js',
      { from: 'fastly/javascript/fastly.toml', to: 'site/fastly.toml' },
    ],
    module: 'notes.wasm',
    command: 'npx js-compute-runtime src/index.js notes.wasm',
    packages: { '@fastly/js-compute': '3.46.0' },
  },
  {
    id: 'wat',
    summary: 'WebAssembly text, with the hostcalls of Terrarium',
    sources: ['terrarium/wat/hello.wat'],
    module: 'hello.wasm',
    command: 'wat2wasm -o hello.wasm src/hello.wat',
    query: '?name=Ada',
  },
  { id: 'static', summary: 'Files alone, no function', sources: [] },
];
