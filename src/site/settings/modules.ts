/**
 * What a module may be told, for all of the folder's modules at the top of the file, and for one in
 * the table of its path, `["dir/hello.wasm"]`.
 */
import { environment } from './environment.ts';
import { grants } from './grants.ts';
import { choice, type Kind, text, yesOrNo } from './kinds.ts';
import { limits } from './limits.ts';
import { moduleSecrets } from './stores.ts';
import { listOf, maybe, type ReadFields, record, resourceNames } from './tables.ts';

const argumentsMax = 256;
const argumentBytesMax = 64 * 1024;
const argument = text({ bytesMax: argumentBytesMax, rule: 'must hold strings' });
const configText = text({ bytesMax: 64 * 1024, rule: 'must be a string' });
const storeName = text({
  bytesMax: 128,
  rule: `must name a store of ${resourceNames.rule}`,
  pattern: resourceNames.pattern,
  isShown: true,
});

/** At the top of the file, and in a module's table, which comes first. */
export const sharedFields = {
  environment: maybe(environment, 'Variables of the environment', 'env'),
  configEnv: maybe(storeName, 'The config store whose values are variables, too'),
  protocol: maybe(choice(['cgi', 'wws']), 'How a WASI program is spoken to'),
  webSocket: maybe(
    choice(['lines', 'frames', 'off']),
    'How messages of a WebSocket reach a program',
    'websocket',
  ),
  cgi: maybe(
    record({ textPlain: maybe(yesOrNo, 'Output without a head is sent as plain text') }),
    'The Common Gateway Interface',
  ),
  grants: maybe(grants, 'What modules may reach'),
  limits: maybe(limits, 'What a run may use, up to the operator’s limits'),
} as const;

const moduleFields = {
  ...sharedFields,
  arguments: maybe(
    listOf(argument, { max: argumentsMax, what: 'strings' }),
    'Arguments after its name, in place of the query’s',
    'args',
  ),
  configText: maybe(configText, 'What a handler of http-wasm is configured with'),
  data: maybe(yesOrNo, 'A directory /data that lasts'),
  secrets: maybe(moduleSecrets, 'Secrets of this module alone, in its store "default"'),
  cors: maybe(choice(['module']), 'It answers preflight requests itself'),
} as const;

export type SharedTable = ReadFields<typeof sharedFields>;
/** Of one module. */
export type ModuleTable = ReadFields<typeof moduleFields>;

export const moduleTable: Kind<ModuleTable> = record(moduleFields);
