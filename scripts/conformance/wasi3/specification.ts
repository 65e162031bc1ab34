/** What the suite says of a program (its `doc/specification.md`). Edge: reads its `.json`. */
import { existsSync, readFileSync } from 'node:fs';

export interface Endpoint {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly mode?: 'echo-body' | 'echo-headers';
  readonly response?: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly chunks?: readonly string[];
    readonly trailers?: Readonly<Record<string, string>>;
  };
}

/** Programs find its address in the variable `HTTP_SERVER_` and its name in capitals. */
export interface ServerSpec {
  readonly name: string;
  /** `closed`: nobody listens there. */
  readonly kind?: 'closed';
  readonly endpoints?: readonly Endpoint[];
}

export interface RunStep {
  readonly type: 'run';
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly root?: string | null;
}

export interface RequestStep {
  readonly type: 'request';
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly response: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  };
}

export type Step =
  | RunStep
  | RequestStep
  | { readonly type: 'wait'; readonly exit_code?: number }
  | { readonly type: 'read' | 'write'; readonly id?: string; readonly payload?: string }
  | { readonly type: 'kill' | 'connect' | 'send' | 'recv' };

export interface Specification {
  readonly steps: readonly Step[];
  readonly servers: readonly ServerSpec[];
  /** It answers requests; others are run. */
  readonly isService: boolean;
}

interface Written {
  readonly world?: string;
  readonly servers?: readonly ServerSpec[];
  readonly operations?: readonly Step[];
  /** The form without operations. */
  readonly root?: string | null;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly exit_code?: number;
  readonly stdout?: string;
}

export function readSpecification(wasmPath: string): Specification {
  const file = wasmPath.replace(/\.wasm$/, '.json');
  const written: Written = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  return {
    steps: written.operations ?? stepsOf(written),
    servers: written.servers ?? [],
    isService: written.world === 'wasi:http/service',
  };
}

function stepsOf({ args = [], env = {}, root = null, ...expected }: Written): readonly Step[] {
  const { stdout, exit_code = 0 } = expected;
  const reads: readonly Step[] =
    stdout === undefined ? [] : [{ type: 'read', id: 'stdout', payload: stdout }];
  return [{ type: 'run', args, env, root }, ...reads, { type: 'wait', exit_code }];
}
