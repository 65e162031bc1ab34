/** Requests that leave: to a back-end, whole or while their body is still written. */
import { text, unsupported } from '../declare.ts';

export const sendHostcalls = [
  unsupported('send', '#sending', [
    ['h', 'handle'],
    ['b', 'handle'],
    ...text('backend'),
    ['response', 'out_handle'],
    ['body', 'out_handle'],
  ]),
  unsupported('send_v2', '#sending', [
    ['h', 'handle'],
    ['b', 'handle'],
    ...text('backend'),
    ['error_detail', 'address'],
    ['response', 'out_handle'],
    ['body', 'out_handle'],
  ]),
  unsupported('send_v3', '#sending', [
    ['h', 'handle'],
    ['b', 'handle'],
    ...text('backend'),
    ['error_detail', 'address'],
    ['response', 'out_handle'],
    ['body', 'out_handle'],
  ]),
  unsupported('send_async', '#sending', [
    ['h', 'handle'],
    ['b', 'handle'],
    ...text('backend'),
    ['pending_request', 'out_handle'],
  ]),
  unsupported('send_async_v2', '#sending', [
    ['h', 'handle'],
    ['b', 'handle'],
    ...text('backend'),
    ['streaming', 'number'],
    ['pending_request', 'out_handle'],
  ]),
  unsupported('send_async_streaming', '#sending', [
    ['h', 'handle'],
    ['b', 'handle'],
    ...text('backend'),
    ['pending_request', 'out_handle'],
  ]),
];
