/** A request under way as the answer to the visitor, and what is changed of it before. */
import { text, unsupported } from '../declare.ts';

export const pendingEditHostcalls = [
  unsupported('pending_req_header_insert', '#requests-under-way', [
    ['h', 'handle'],
    ...text('name'),
    ...text('value'),
    ['target', 'number'],
  ]),
  unsupported('pending_req_header_append', '#requests-under-way', [
    ['h', 'handle'],
    ...text('name'),
    ...text('value'),
    ['target', 'number'],
  ]),
  unsupported('pending_req_header_remove', '#requests-under-way', [
    ['h', 'handle'],
    ...text('name'),
    ['target', 'number'],
  ]),
];

export const pendingAnswerHostcalls = [
  unsupported('send_downstream_pending', '#requests-under-way', [['handle', 'handle']]),
];
