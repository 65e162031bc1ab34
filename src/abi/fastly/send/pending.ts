/** Requests under way: asked for, waited for, chosen among. */
import { handles, unsupported } from '../declare.ts';

export const pendingHostcalls = [
  unsupported('pending_req_poll', '#requests-under-way', [
    ['h', 'handle'],
    ['is_done', 'out_number'],
    ['response', 'out_handle'],
    ['body', 'out_handle'],
  ]),
  unsupported('pending_req_poll_v2', '#requests-under-way', [
    ['h', 'handle'],
    ['error_detail', 'address'],
    ['is_done', 'out_number'],
    ['response', 'out_handle'],
    ['body', 'out_handle'],
  ]),
  unsupported('pending_req_wait', '#requests-under-way', [
    ['h', 'handle'],
    ['response', 'out_handle'],
    ['body', 'out_handle'],
  ]),
  unsupported('pending_req_wait_v2', '#requests-under-way', [
    ['h', 'handle'],
    ['error_detail', 'address'],
    ['response', 'out_handle'],
    ['body', 'out_handle'],
  ]),
  unsupported('pending_req_select', '#requests-under-way', [
    ...handles('hs'),
    ['done_idx', 'out_number'],
    ['response', 'out_handle'],
    ['body', 'out_handle'],
  ]),
  unsupported('pending_req_select_v2', '#requests-under-way', [
    ...handles('hs'),
    ['error_detail', 'address'],
    ['done_idx', 'out_number'],
    ['response', 'out_handle'],
    ['body', 'out_handle'],
  ]),
];
