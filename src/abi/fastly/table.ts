/**
 * All that a guest may import, in the order of the vendor's modules. All of it is always there: a
 * module may import what it never calls.
 */
import { byName, type DeclaredHostcall, type HostcallTable } from '../hostcall.ts';
import { answerHostcalls } from './answer.ts';
import { bodyHostcalls } from './body.ts';
import { cacheFactsHostcalls } from './cache/facts.ts';
import { cacheInsertHostcalls } from './cache/insert.ts';
import { cacheLookupHostcalls } from './cache/lookup.ts';
import { cacheOverrideHostcalls } from './cache/override.ts';
import { purgeHostcalls } from './cache/purge.ts';
import { cacheReplaceHostcalls } from './cache/replace.ts';
import { cloudRequestHostcalls, imageOptimizerHostcalls, userAgentHostcalls } from './cloud.ts';
import { botHostcalls } from './downstream/bots.ts';
import { nextRequestHostcalls } from './downstream/next-request.ts';
import { reputationHostcalls, visitsHostcalls } from './downstream/reputation.ts';
import { connectionHostcalls, oldConnectionHostcalls } from './downstream/tls.ts';
import { oldVisitorHostcalls, visitorHostcalls } from './downstream/visitor.ts';
import type { FastlyGuest } from './guest.ts';
import { httpCacheFactsHostcalls } from './http-cache/facts.ts';
import { httpCacheInsertHostcalls } from './http-cache/insert.ts';
import { httpCacheLookupHostcalls } from './http-cache/lookup.ts';
import { inspectHostcalls } from './inspect.ts';
import { logHostcalls } from './log.ts';
import { requestHostcalls, startHostcalls } from './request.ts';
import { responseHostcalls } from './response.ts';
import { runtimeHostcalls } from './runtime.ts';
import { asyncIoHostcalls } from './send/async-io.ts';
import { backendHostcalls } from './send/backend.ts';
import { decompressHostcalls } from './send/decompress.ts';
import { destinationHostcalls } from './send/destination.ts';
import { dynamicBackendHostcalls } from './send/dynamic-backend.ts';
import { handOverHostcalls } from './send/hand-over.ts';
import { pendingHostcalls } from './send/pending.ts';
import { pendingAnswerHostcalls, pendingEditHostcalls } from './send/pending-answer.ts';
import { sendHostcalls } from './send/send.ts';
import { aclHostcalls } from './stores/acl.ts';
import { configStoreHostcalls, dictionaryHostcalls } from './stores/config-store.ts';
import { deviceHostcalls } from './stores/device.ts';
import { geoHostcalls } from './stores/geo.ts';
import { kvStoreHostcalls } from './stores/kv-store.ts';
import { objectStoreHostcalls } from './stores/object-store.ts';
import { ratesHostcalls } from './stores/rates.ts';
import { secretStoreHostcalls } from './stores/secret-store.ts';
import { shieldingHostcalls } from './stores/shielding.ts';
import { trailerHostcalls } from './trailers.ts';

type Declared = DeclaredHostcall<FastlyGuest>;

/** By the modules that have them. */
const families: readonly (readonly [string, ReadonlyMap<string, Declared>])[] = [
  ['fastly_abi', byName(startHostcalls)],
  [
    'fastly_http_req',
    byName(
      requestHostcalls,
      cacheOverrideHostcalls,
      oldVisitorHostcalls,
      oldConnectionHostcalls,
      sendHostcalls,
      pendingEditHostcalls,
      pendingHostcalls,
      decompressHostcalls,
      handOverHostcalls,
      dynamicBackendHostcalls,
      inspectHostcalls,
      cloudRequestHostcalls,
    ),
  ],
  [
    'fastly_http_resp',
    byName(responseHostcalls, answerHostcalls, pendingAnswerHostcalls, destinationHostcalls),
  ],
  ['fastly_http_body', byName(bodyHostcalls, trailerHostcalls)],
  ['fastly_async_io', byName(asyncIoHostcalls)],
  [
    'fastly_http_downstream',
    byName(
      nextRequestHostcalls,
      visitorHostcalls,
      connectionHostcalls,
      botHostcalls,
      reputationHostcalls,
      visitsHostcalls,
    ),
  ],
  ['fastly_log', byName(logHostcalls)],
  ['fastly_backend', byName(backendHostcalls)],
  ['fastly_config_store', byName(configStoreHostcalls)],
  ['fastly_dictionary', byName(dictionaryHostcalls)],
  ['fastly_kv_store', byName(kvStoreHostcalls)],
  ['fastly_object_store', byName(objectStoreHostcalls)],
  ['fastly_secret_store', byName(secretStoreHostcalls)],
  ['fastly_geo', byName(geoHostcalls)],
  ['fastly_device_detection', byName(deviceHostcalls)],
  ['fastly_compute_runtime', byName(runtimeHostcalls)],
  ['fastly_acl', byName(aclHostcalls)],
  ['fastly_erl', byName(ratesHostcalls)],
  [
    'fastly_cache',
    byName(cacheLookupHostcalls, cacheInsertHostcalls, cacheReplaceHostcalls, cacheFactsHostcalls),
  ],
  [
    'fastly_http_cache',
    byName(httpCacheLookupHostcalls, httpCacheInsertHostcalls, httpCacheFactsHostcalls),
  ],
  ['fastly_purge', byName(purgeHostcalls)],
  ['fastly_image_optimizer', byName(imageOptimizerHostcalls)],
  ['fastly_shielding', byName(shieldingHostcalls)],
  ['fastly_uap', byName(userAgentHostcalls)],
];

/** The 255 functions of today, by their modules. */
export const fastlyModules: HostcallTable<FastlyGuest> = new Map(
  families.map(([module, functions]) => [module, withFamily(module, functions)]),
);

/** A trace says `http_body.close`: six modules have a function of that name. */
function withFamily(
  module: string,
  functions: ReadonlyMap<string, Declared>,
): ReadonlyMap<string, Declared> {
  const family = module.replace(/^fastly_/, '');
  return new Map(Array.from(functions, ([name, declared]) => [name, { ...declared, family }]));
}

/** The module of the oldest guests. */
export const legacyModule = 'env';
export const legacyPrefix = 'xqd_';

/** What stands behind `xqd_`, and which of today's modules has it. */
const legacyFamilies: readonly (readonly [string, string, readonly string[]])[] = [
  ['', 'fastly_abi', ['init']],
  ['body_', 'fastly_http_body', ['append', 'new', 'read', 'write', 'close', 'close_downstream']],
  ['log_', 'fastly_log', ['endpoint_get', 'write']],
  [
    'req_',
    'fastly_http_req',
    [
      'body_downstream_get',
      'cache_override_set',
      'downstream_client_ip_addr',
      'downstream_client_request_id',
      'downstream_tls_cipher_openssl_name',
      'downstream_tls_protocol',
      'downstream_tls_client_hello',
      'new',
      'header_names_get',
      'header_value_get',
      'header_values_get',
      'header_values_set',
      'header_insert',
      'header_append',
      'header_remove',
      'original_header_names_get',
      'original_header_count',
      'method_get',
      'method_set',
      'uri_get',
      'uri_set',
      'version_get',
      'version_set',
      'send',
      'send_async',
      'send_async_streaming',
    ],
  ],
  ['pending_req_', 'fastly_http_req', ['poll', 'wait', 'select']],
  [
    'resp_',
    'fastly_http_resp',
    [
      'new',
      'header_names_get',
      'header_value_get',
      'header_values_get',
      'header_values_set',
      'header_insert',
      'header_append',
      'header_remove',
      'version_get',
      'version_set',
      'status_get',
      'status_set',
      'send_downstream',
    ],
  ],
];

/** Names that are not those of today's functions. */
const renamed: ReadonlyMap<string, string> = new Map([
  ['body_close_downstream', 'close'],
  ['pending_req_poll', 'pending_req_poll'],
  ['pending_req_wait', 'pending_req_wait'],
  ['pending_req_select', 'pending_req_select'],
]);

export const fastlyTable: HostcallTable<FastlyGuest> = new Map([
  ...fastlyModules,
  [legacyModule, listLegacy()],
]);

function listLegacy(): ReadonlyMap<string, Declared> {
  const table = new Map<string, Declared>();
  for (const [family, module, names] of legacyFamilies) {
    for (const name of names) {
      const own = `${family}${name}`;
      const declared = fastlyModules.get(module)?.get(renamed.get(own) ?? name);
      if (declared === undefined) throw new Error(`Cannot list ${own}: nobody declares it`);
      table.set(`${legacyPrefix}${own}`, declared);
    }
  }
  return table;
}
