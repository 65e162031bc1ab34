/** `wasi:config`, `wasi:logging`, and variables of Spin. */

export const configStore = `
  variant error { upstream(string), io(string) }
  get: func(key: string) -> result<option<string>, error>;
  get-all: func() -> result<list<tuple<string, string>>, error>;
`;

/** The same under its first name. */
export const configRuntime = `
  variant config-error { upstream(string), io(string) }
  get: func(key: string) -> result<option<string>, config-error>;
  get-all: func() -> result<list<tuple<string, string>>, config-error>;
`;

export const logging = `
  enum level { trace, debug, info, warn, error, critical }
  log: func(level: level, context: string, message: string);
`;

export const spinVariables = `
  variant error {
    invalid-name(string), undefined(string), provider(string), other(string)
  }
  get: func(name: string) -> result<string, error>;
`;

export const spinVariables3 = spinVariables.replace('get: func', 'get: async func');
