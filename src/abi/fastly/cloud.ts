/** What only the vendor’s own network can do. */
import { text, unsupported } from './declare.ts';

export const cloudRequestHostcalls = [
  unsupported('on_behalf_of', '#elsewhere', [['req', 'handle'], ...text('service')]),
];

export const imageOptimizerHostcalls = [
  unsupported('transform_image_optimizer_request', '#elsewhere', [
    ['origin_image_request', 'handle'],
    ['origin_image_request_body', 'handle'],
    ...text('origin_image_request_backend'),
    ['io_transform_config_mask', 'flags'],
    ['io_transform_configuration', 'address'],
    ['io_error_detail', 'address'],
    ['response', 'out_handle'],
    ['body', 'out_handle'],
  ]),
];

export const userAgentHostcalls = [
  unsupported('parse', '#elsewhere', [
    ...text('user_agent'),
    ['family', 'room'],
    ['family_len', 'length'],
    ['family_nw_out', 'out_filled'],
    ['major', 'room'],
    ['major_len', 'length'],
    ['major_nw_out', 'out_filled'],
    ['minor', 'room'],
    ['minor_len', 'length'],
    ['minor_nw_out', 'out_filled'],
    ['patch', 'room'],
    ['patch_len', 'length'],
    ['patch_nw_out', 'out_filled'],
  ]),
];
