/** What a handler asks of its host, apart from any message. */
import { Buffer } from 'node:buffer';
import { bytesRoom, hostcall, text, textLength } from './declare.ts';

/** By the ABI's numbers, from -1 on; what a handler tells to find its own faults is left out. */
const levels = ['debug', 'info', 'warn', 'error'] as const;
const lowestLevel = -1;

function levelOf(level: number): 'info' | 'warn' | 'error' | undefined {
  const name = levels[level - lowestLevel];
  return name === 'debug' ? undefined : name;
}

export const hostHostcalls = [
  hostcall({
    name: 'enable_features',
    params: [['features', 'flags']],
    results: [['enabled', 'flags']],
    waits: false,
    meaning: '1: buffer the request, 2: buffer the response, 4: trailers',
    spec: '',
    call: (guest) => (wanted) => guest.run.enable(wanted),
  }),
  hostcall({
    name: 'get_config',
    params: bytesRoom,
    results: textLength,
    waits: false,
    meaning: "`config_text` of the module's settings",
    spec: '',
    call: (guest) => (ptr, limit) => {
      const { configText = '' } = guest.run.capabilities.settings;
      return guest.giveText(ptr, limit, Buffer.from(configText, 'utf8').toString('latin1'));
    },
  }),
  hostcall({
    name: 'log_enabled',
    params: [['level', 'signed']],
    results: [['enabled', 'flag']],
    waits: false,
    meaning: 'for -1, debug, it is not',
    spec: '',
    call: (guest) => (level) =>
      levelOf(level) !== undefined && !guest.run.capabilities.log.isFull ? 1 : 0,
  }),
  hostcall({
    name: 'log',
    params: [['level', 'signed'], ...text('message')],
    results: [],
    waits: false,
    meaning: '',
    spec: '',
    call: (guest) => (level, ptr, len) => {
      const name = levelOf(level);
      const { log } = guest.run.capabilities;
      guest.memory.requireRange(ptr, len);
      if (name === undefined || log.isFull) return;
      const shown = Math.min(len >>> 0, messageBytesMax);
      log.write(name, guest.memory.readUtf8Lossy(ptr, shown, messageBytesMax));
    },
  }),
];

/** What is longer is cut. */
const messageBytesMax = 8_192;
