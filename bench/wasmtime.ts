/**
 * `wasmtime serve`, where it is installed: a component that answers as the small guest does, in a
 * new instance for every request, on one thread. Touches npm (the assembler of components), another
 * process and the file system.
 */
import { join } from 'node:path';
import { openComponentAssembler } from '../scripts/conformance/assembler.ts';
import { type DaemonPlan, smallGuest } from './daemon-rows.ts';
import { measureOther, measureRate, settle } from './load.ts';
import { median, medianRatio, type Row } from './report.ts';
import { askUntil, BenchFolder, Server } from './servers.ts';
import { isWasmtimeInstalled, Wasmtime } from './wasmtime-server.ts';

const connections = 32;
const http = 'wasi:http/types@0.2.0';
const streams = 'wasi:io/streams@0.2.0';

/** What the component uses of WASI 0.2; a variant has to be whole. */
const interfaces = `
package bench:hello;
world hello {
  import wasi:http/types@0.2.0;
  export wasi:http/incoming-handler@0.2.0;
}
package wasi:io@0.2.0 {
  interface error { resource error; }
  interface streams {
    use error.{error};
    variant stream-error { last-operation-failed(error), closed }
    resource output-stream {
      blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
    }
  }
}
package wasi:http@0.2.0 {
  interface incoming-handler {
    use types.{incoming-request, response-outparam};
    handle: func(request: incoming-request, response-out: response-outparam);
  }
  interface types {
    use wasi:io/streams@0.2.0.{output-stream};
    variant error-code {
      DNS-timeout, DNS-error(DNS-error-payload), destination-not-found, destination-unavailable,
      destination-IP-prohibited, destination-IP-unroutable, connection-refused,
      connection-terminated, connection-timeout, connection-read-timeout,
      connection-write-timeout, connection-limit-reached, TLS-protocol-error,
      TLS-certificate-error, TLS-alert-received(TLS-alert-received-payload), HTTP-request-denied,
      HTTP-request-length-required, HTTP-request-body-size(option<u64>),
      HTTP-request-method-invalid, HTTP-request-URI-invalid, HTTP-request-URI-too-long,
      HTTP-request-header-section-size(option<u32>),
      HTTP-request-header-size(option<field-size-payload>),
      HTTP-request-trailer-section-size(option<u32>),
      HTTP-request-trailer-size(field-size-payload), HTTP-response-incomplete,
      HTTP-response-header-section-size(option<u32>),
      HTTP-response-header-size(field-size-payload), HTTP-response-body-size(option<u64>),
      HTTP-response-trailer-section-size(option<u32>),
      HTTP-response-trailer-size(field-size-payload),
      HTTP-response-transfer-coding(option<string>),
      HTTP-response-content-coding(option<string>), HTTP-response-timeout, HTTP-upgrade-failed,
      HTTP-protocol-error, loop-detected, configuration-error, internal-error(option<string>),
    }
    record DNS-error-payload { rcode: option<string>, info-code: option<u16> }
    record TLS-alert-received-payload { alert-id: option<u8>, alert-message: option<string> }
    record field-size-payload { field-name: option<string>, field-size: option<u32> }
    resource fields { constructor(); }
    resource incoming-request;
    resource response-outparam {
      set: static func(param: response-outparam,
        response: result<outgoing-response, error-code>);
    }
    resource outgoing-response {
      constructor(headers: fields);
      body: func() -> result<outgoing-body>;
    }
    resource outgoing-body {
      write: func() -> result<output-stream>;
      finish: static func(this: outgoing-body, trailers: option<fields>)
        -> result<_, error-code>;
    }
  }
}`;

const core = `(module
  (import "${http}" "[constructor]fields" (func $fields (result i32)))
  (import "${http}" "[constructor]outgoing-response" (func $response (param i32) (result i32)))
  (import "${http}" "[method]outgoing-response.body" (func $body (param i32 i32)))
  (import "${http}" "[method]outgoing-body.write" (func $stream (param i32 i32)))
  (import "${http}" "[static]outgoing-body.finish" (func $finish (param i32 i32 i32 i32)))
  (import "${http}" "[static]response-outparam.set"
    (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
  (import "${streams}" "[method]output-stream.blocking-write-and-flush"
    (func $write (param i32 i32 i32 i32)))
  (import "${streams}" "[resource-drop]output-stream" (func $drop (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 256) "hello\\n")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0x1000))
  (func (export "wasi:http/incoming-handler@0.2.0#handle") (param $request i32) (param $out i32)
    (local $response i32) (local $body i32) (local $stream i32)
    (local.set $response (call $response (call $fields)))
    (call $body (local.get $response) (i32.const 0))
    (local.set $body (i32.load (i32.const 4)))
    (call $set (local.get $out) (i32.const 0) (local.get $response)
      (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
    (call $stream (local.get $body) (i32.const 0))
    (local.set $stream (i32.load (i32.const 4)))
    (call $write (local.get $stream) (i32.const 256) (i32.const 6) (i32.const 0))
    (call $drop (local.get $stream))
    (call $finish (local.get $body) (i32.const 0) (i32.const 0) (i32.const 64))))`;

export async function measureWasmtime(plan: DaemonPlan): Promise<readonly Row[]> {
  const name = 'wasmtime serve, a new instance each time';
  if (!isWasmtimeInstalled()) return [{ name, value: Number.NaN, unit: 'not installed' }];
  const assemble = await openComponentAssembler();
  using theirs = new BenchFolder();
  theirs.write(await assemble(core, { interfaces, world: 'hello' }), 'hello.wasm');
  await using wasmtime = await Wasmtime.start(join(theirs.directory, 'hello.wasm'));
  using folder = new BenchFolder();
  folder.put(smallGuest(), 'small.wasm');
  await using daemon = await Server.daemon(folder.directory);
  const ours = `${daemon.url}/small.wasm`;
  await askUntil(ours, () => true);
  await askUntil(wasmtime.url, (text) => text === 'hello\n');
  wasmtime.sleeper.sleep();
  const load = { connections, seconds: plan.seconds };
  const found = { ours: [] as number[], theirs: [] as number[] };
  await settle(ours, { connections });
  for (let round = 0; round < plan.rounds; round += 1) {
    found.ours.push(await measureRate(ours, load));
    const { url, sleeper } = wasmtime;
    found.theirs.push(await sleeper.whileAwake(() => measureOther(url, load)));
  }
  return [
    { name, value: median(found.theirs), unit: 'requests/s' },
    {
      name: 'daemon against wasmtime serve, fresh state each',
      value: medianRatio(found.ours, found.theirs),
      unit: 'x',
    },
  ];
}
