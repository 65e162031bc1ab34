/**
 * The 46 functions of `wasi_snapshot_preview1` in the order of the specification, with their types.
 * All of them are always there: a module may import what it never calls.
 */
import type { FunctionFace } from '../abi.ts';

/** `i` is i32, `I` is i64. */
function face(params: string, ...results: readonly string[]): FunctionFace {
  return { params: [...params].map((param) => (param === 'I' ? 'i64' : 'i32')), results };
}

const errnoOf = (params: string): FunctionFace => face(params, 'i32');

/** Import name → type. */
export const functionTypes: ReadonlyMap<string, FunctionFace> = new Map([
  ['args_get', errnoOf('ii')],
  ['args_sizes_get', errnoOf('ii')],
  ['environ_get', errnoOf('ii')],
  ['environ_sizes_get', errnoOf('ii')],
  ['clock_res_get', errnoOf('ii')],
  ['clock_time_get', errnoOf('iIi')],
  ['fd_advise', errnoOf('iIIi')],
  ['fd_allocate', errnoOf('iII')],
  ['fd_close', errnoOf('i')],
  ['fd_datasync', errnoOf('i')],
  ['fd_fdstat_get', errnoOf('ii')],
  ['fd_fdstat_set_flags', errnoOf('ii')],
  ['fd_fdstat_set_rights', errnoOf('iII')],
  ['fd_filestat_get', errnoOf('ii')],
  ['fd_filestat_set_size', errnoOf('iI')],
  ['fd_filestat_set_times', errnoOf('iIIi')],
  ['fd_pread', errnoOf('iiiIi')],
  ['fd_prestat_get', errnoOf('ii')],
  ['fd_prestat_dir_name', errnoOf('iii')],
  ['fd_pwrite', errnoOf('iiiIi')],
  ['fd_read', errnoOf('iiii')],
  ['fd_readdir', errnoOf('iiiIi')],
  ['fd_renumber', errnoOf('ii')],
  ['fd_seek', errnoOf('iIii')],
  ['fd_sync', errnoOf('i')],
  ['fd_tell', errnoOf('ii')],
  ['fd_write', errnoOf('iiii')],
  ['path_create_directory', errnoOf('iii')],
  ['path_filestat_get', errnoOf('iiiii')],
  ['path_filestat_set_times', errnoOf('iiiiIIi')],
  ['path_link', errnoOf('iiiiiii')],
  ['path_open', errnoOf('iiiiiIIii')],
  ['path_readlink', errnoOf('iiiiii')],
  ['path_remove_directory', errnoOf('iii')],
  ['path_rename', errnoOf('iiiiii')],
  ['path_symlink', errnoOf('iiiii')],
  ['path_unlink_file', errnoOf('iii')],
  ['poll_oneoff', errnoOf('iiii')],
  ['proc_exit', face('i')],
  ['proc_raise', errnoOf('i')],
  ['sched_yield', errnoOf('')],
  ['random_get', errnoOf('ii')],
  ['sock_accept', errnoOf('iii')],
  ['sock_recv', errnoOf('iiiiii')],
  ['sock_send', errnoOf('iiiii')],
  ['sock_shutdown', errnoOf('ii')],
]);

/** What the kits of the protocol `wws` import from `http`. */
export const httpImportTypes: ReadonlyMap<string, FunctionFace> = new Map([
  ['send-http-request', face('iiiiiiiiiii')],
]);

/** What Emscripten adds (`env`): that memory has grown, and where it keeps a second result. */
export const compilerImportTypes: ReadonlyMap<string, FunctionFace> = new Map([
  ['emscripten_notify_memory_growth', face('i')],
  ['getTempRet0', face('', 'i32')],
  ['setTempRet0', face('i')],
]);
