/** Programs that answer requests as CGI programs do. */
import { assemble } from './abi-puppet.ts';

/** Answers with `label` and its environment, a variable a line. */
export function placeGuest(label: string): Promise<Uint8Array> {
  const head = `content-type: text/plain\n\n${label}\n`;
  return assemble(`(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
    (memory (export "memory") 4)
    (data (i32.const 16) "${head.replaceAll('\n', '\\n')}")
    (func $print (param $ptr i32) (param $len i32)
      (i32.store (i32.const 0) (local.get $ptr))
      (i32.store (i32.const 4) (local.get $len))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
    (func (export "_start") (local $at i32)
      (drop (call $environ (i32.const 4096) (i32.const 65536)))
      (local.set $at (i32.const 65536))
      (block $end (loop $more
        (if (i32.eqz (i32.load8_u (local.get $at)))
          (then
            (br_if $end (i32.eqz (i32.load8_u (i32.add (local.get $at) (i32.const 1)))))
            (i32.store8 (local.get $at) (i32.const 10))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $more)))
      (call $print (i32.const 16) (i32.const ${head.length}))
      (call $print (i32.const 65536) (i32.sub (local.get $at) (i32.const 65536)))))`);
}

/** What such an answer says: label, method, SCRIPT_NAME and PATH_INFO; `-` for nothing. */
export function readPlace(text: string): string {
  const lines = text.split('\n');
  const variable = (name: string): string => {
    const line = lines.find((each) => each.startsWith(`${name}=`)) ?? `${name}=none`;
    return line.slice(name.length + 1) || '-';
  };
  const [label] = lines;
  return [label, variable('REQUEST_METHOD'), variable('SCRIPT_NAME'), variable('PATH_INFO')].join(
    ' ',
  );
}
