/** `wasi:http` 0.3. */
import { httpTypesOfBoth } from './http-common.ts';

export const httpTypes03 = `
  use wasi:clocks/types@0.3.0.{duration};
  ${httpTypesOfBoth}
  variant header-error {
    invalid-syntax,
    forbidden,
    immutable,
    size-exceeded,
    other(option<string>),
  }
  variant request-options-error {
    not-supported,
    immutable,
    other(option<string>),
  }
  type field-name = string;
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
    get-and-delete: func(name: field-name) -> result<list<field-value>, header-error>;
    append: func(name: field-name, value: field-value) -> result<_, header-error>;
    copy-all: func() -> list<tuple<field-name, field-value>>;
    clone: func() -> fields;
  }
  type headers = fields;
  type trailers = fields;
  resource request-options {
    constructor();
    get-connect-timeout: func() -> option<duration>;
    set-connect-timeout: func(duration: option<duration>) -> result<_, request-options-error>;
    get-first-byte-timeout: func() -> option<duration>;
    set-first-byte-timeout: func(duration: option<duration>) -> result<_, request-options-error>;
    get-between-bytes-timeout: func() -> option<duration>;
    set-between-bytes-timeout: func(
      duration: option<duration>
    ) -> result<_, request-options-error>;
    clone: func() -> request-options;
  }
  resource request {
    new: static func(
      headers: headers,
      contents: option<stream<u8>>,
      trailers: future<result<option<trailers>, error-code>>,
      options: option<request-options>
    ) -> tuple<request, future<result<_, error-code>>>;
    get-method: func() -> method;
    set-method: func(method: method) -> result;
    get-path-with-query: func() -> option<string>;
    set-path-with-query: func(path-with-query: option<string>) -> result;
    get-scheme: func() -> option<scheme>;
    set-scheme: func(scheme: option<scheme>) -> result;
    get-authority: func() -> option<string>;
    set-authority: func(authority: option<string>) -> result;
    get-options: func() -> option<request-options>;
    get-headers: func() -> headers;
    consume-body: static func(
      this: request,
      res: future<result<_, error-code>>
    ) -> tuple<stream<u8>, future<result<option<trailers>, error-code>>>;
  }
  type status-code = u16;
  resource response {
    new: static func(
      headers: headers,
      contents: option<stream<u8>>,
      trailers: future<result<option<trailers>, error-code>>
    ) -> tuple<response, future<result<_, error-code>>>;
    get-status-code: func() -> status-code;
    set-status-code: func(status-code: status-code) -> result;
    get-headers: func() -> headers;
    consume-body: static func(
      this: response,
      res: future<result<_, error-code>>
    ) -> tuple<stream<u8>, future<result<option<trailers>, error-code>>>;
  }
`;

export const handler03 = `
  use types.{request, response, error-code};
  handle: async func(request: request) -> result<response, error-code>;
`;

export const client03 = `
  use types.{request, response, error-code};
  send: async func(request: request) -> result<response, error-code>;
`;
