/** `wasi:http` 0.2. */
import { httpTypesOfBoth } from './http-common.ts';

export const httpTypes = `
  use wasi:clocks/monotonic-clock.{duration};
  use wasi:io/streams.{input-stream, output-stream};
  use wasi:io/error.{error as io-error};
  use wasi:io/poll.{pollable};
  ${httpTypesOfBoth}
  http-error-code: func(err: borrow<io-error>) -> option<error-code>;
  variant header-error { invalid-syntax, forbidden, immutable }
  type field-key = string;
  type field-name = field-key;
  type field-value = list<u8>;
  resource fields {
    constructor();
    from-list: static func(
      entries: list<tuple<field-name, field-value>>
    ) -> result<fields, header-error>;
    get: func(name: field-name) -> list<field-value>;
    has: func(name: field-name) -> bool;
    set: func(name: field-name, value: list<field-value>) -> result<_, header-error>;
    delete: func(name: field-name) -> result<_, header-error>;
    append: func(name: field-name, value: field-value) -> result<_, header-error>;
    entries: func() -> list<tuple<field-name, field-value>>;
    clone: func() -> fields;
  }
  type headers = fields;
  type trailers = fields;
  resource future-trailers {
    subscribe: func() -> pollable;
    get: func() -> option<result<result<option<trailers>, error-code>>>;
  }
  resource incoming-body {
    stream: func() -> result<input-stream>;
    finish: static func(this: incoming-body) -> future-trailers;
  }
  resource incoming-request {
    method: func() -> method;
    path-with-query: func() -> option<string>;
    scheme: func() -> option<scheme>;
    authority: func() -> option<string>;
    headers: func() -> headers;
    consume: func() -> result<incoming-body>;
  }
  resource outgoing-body {
    write: func() -> result<output-stream>;
    finish: static func(this: outgoing-body, trailers: option<trailers>) -> result<_, error-code>;
  }
  resource outgoing-request {
    constructor(headers: headers);
    body: func() -> result<outgoing-body>;
    method: func() -> method;
    set-method: func(method: method) -> result;
    path-with-query: func() -> option<string>;
    set-path-with-query: func(path-with-query: option<string>) -> result;
    scheme: func() -> option<scheme>;
    set-scheme: func(scheme: option<scheme>) -> result;
    authority: func() -> option<string>;
    set-authority: func(authority: option<string>) -> result;
    headers: func() -> headers;
  }
  resource request-options {
    constructor();
    connect-timeout: func() -> option<duration>;
    set-connect-timeout: func(duration: option<duration>) -> result;
    first-byte-timeout: func() -> option<duration>;
    set-first-byte-timeout: func(duration: option<duration>) -> result;
    between-bytes-timeout: func() -> option<duration>;
    set-between-bytes-timeout: func(duration: option<duration>) -> result;
  }
  type status-code = u16;
  resource outgoing-response {
    constructor(headers: headers);
    status-code: func() -> status-code;
    set-status-code: func(status-code: status-code) -> result;
    headers: func() -> headers;
    body: func() -> result<outgoing-body>;
  }
  resource response-outparam {
    set: static func(
      param: response-outparam,
      response: result<outgoing-response, error-code>
    );
    send-informational: func(status: u16, headers: headers) -> result<_, error-code>;
  }
  resource incoming-response {
    status: func() -> status-code;
    headers: func() -> headers;
    consume: func() -> result<incoming-body>;
  }
  resource future-incoming-response {
    subscribe: func() -> pollable;
    get: func() -> option<result<result<incoming-response, error-code>>>;
  }
`;

export const outgoingHandler = `
  use types.{outgoing-request, request-options, future-incoming-response, error-code};
  handle: func(
    request: outgoing-request,
    options: option<request-options>
  ) -> result<future-incoming-response, error-code>;
`;

/** What a component that answers requests exports. */
export const incomingHandler = `
  use types.{incoming-request, response-outparam};
  handle: func(request: incoming-request, response-out: response-outparam);
`;
