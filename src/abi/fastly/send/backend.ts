/** What is known of back-ends. */
import { room, text, unsupported } from '../declare.ts';

export const backendHostcalls = [
  unsupported('exists', '#back-ends', [...text('backend'), ['backend_exists', 'out_number']]),
  unsupported('is_healthy', '#back-ends', [...text('backend'), ['backend_health', 'out_number']]),
  unsupported('is_dynamic', '#back-ends', [...text('backend'), ['is_dynamic', 'out_number']]),
  unsupported('get_host', '#back-ends', [...text('backend'), ...room('value')]),
  unsupported('get_override_host', '#back-ends', [...text('backend'), ...room('value')]),
  unsupported('get_port', '#back-ends', [...text('backend'), ['port', 'out_number16']]),
  unsupported('get_connect_timeout_ms', '#back-ends', [
    ...text('backend'),
    ['timeout_ms', 'out_number'],
  ]),
  unsupported('get_first_byte_timeout_ms', '#back-ends', [
    ...text('backend'),
    ['timeout_ms', 'out_number'],
  ]),
  unsupported('get_between_bytes_timeout_ms', '#back-ends', [
    ...text('backend'),
    ['timeout_ms', 'out_number'],
  ]),
  unsupported('get_http_keepalive_time', '#back-ends', [
    ...text('backend'),
    ['timeout_ms', 'out_number'],
  ]),
  unsupported('get_tcp_keepalive_enable', '#back-ends', [
    ...text('backend'),
    ['is_keepalive', 'out_number'],
  ]),
  unsupported('get_tcp_keepalive_interval', '#back-ends', [
    ...text('backend'),
    ['timeout_secs', 'out_number'],
  ]),
  unsupported('get_tcp_keepalive_probes', '#back-ends', [
    ...text('backend'),
    ['probe_count', 'out_number'],
  ]),
  unsupported('get_tcp_keepalive_time', '#back-ends', [
    ...text('backend'),
    ['timeout_secs', 'out_number'],
  ]),
  unsupported('is_ssl', '#back-ends', [...text('backend'), ['is_ssl', 'out_number']]),
  unsupported('get_ssl_min_version', '#back-ends', [
    ...text('backend'),
    ['tls_version', 'out_number'],
  ]),
  unsupported('get_ssl_max_version', '#back-ends', [
    ...text('backend'),
    ['tls_version', 'out_number'],
  ]),
];
