/** The settings of an installation that spans several nodes. */
import { bytes, count, fileKind, listOf, milliseconds, optional, text, yesOrNo } from './kinds.ts';
import { define } from './setting.ts';

const mib = 1024 * 1024;

/** Without TLS only on this machine: what guests store, and rights, go over the wire. */
const serverKind = text(
  'url',
  /^(tls:\/\/[^\s/@,]+|nats:\/\/(127\.0\.0\.1|\[::1\]|localhost))(:\d{1,5})?$/,
  'must be tls://host:port (nats://host:port only on this machine)',
);
const monitorKind = text('url', /^https?:\/\/[^\s/]+$/, 'must be http://host:port');
const nameKind = text('name', /^[a-z0-9]{1,16}$/, 'must be 1 to 16 small letters and digits');
const nodeKind = text(
  'name',
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
  'must be a name of letters, digits, dots and dashes',
);

export const clusterSettings = {
  clusterServers: define({
    name: 'cluster.servers',
    summary: 'Servers of NATS JetStream that hold what the nodes of one installation share',
    kind: listOf(serverKind, { elementsMax: 32 }),
    fallback: () => [],
    fallbackWords: 'none: one machine, which keeps everything itself',
  }),
  clusterName: define({
    name: 'cluster.name',
    summary: 'The name of the installation: several may share the servers',
    kind: nameKind,
    fallback: () => 'main',
  }),
  clusterNode: define({
    name: 'cluster.node',
    summary: 'The name of this node, which no other has',
    kind: optional(nodeKind),
    fallback: () => undefined,
    fallbackWords: 'the host name',
  }),
  clusterCredentialsFile: define({
    name: 'cluster.credentials_file',
    summary: 'A credentials file for the servers (.creds)',
    kind: optional(fileKind),
    fallback: () => undefined,
    fallbackWords: 'none',
  }),
  clusterNkeyFile: define({
    name: 'cluster.nkey_file',
    summary: 'A file with the seed of an nkey for the servers, instead of credentials',
    kind: optional(fileKind),
    fallback: () => undefined,
    fallbackWords: 'none',
  }),
  clusterCaFile: define({
    name: 'cluster.ca_file',
    summary: 'Authorities that the servers’ certificates are checked with',
    kind: optional(fileKind),
    fallback: () => undefined,
    fallbackWords: 'those of the system',
  }),
  clusterCertificateFile: define({
    name: 'cluster.certificate_file',
    summary: 'A certificate that this node shows the servers; with cluster.key_file',
    kind: optional(fileKind),
    fallback: () => undefined,
    fallbackWords: 'none',
  }),
  clusterKeyFile: define({
    name: 'cluster.key_file',
    summary: 'The key of cluster.certificate_file',
    kind: optional(fileKind),
    fallback: () => undefined,
    fallbackWords: 'none',
  }),
  clusterSealKeyFile: define({
    name: 'cluster.seal_key_file',
    summary: 'The key that seals certificates and account keys; needed with ACME, the same on all',
    kind: optional(fileKind),
    fallback: () => undefined,
    fallbackWords: 'none',
  }),
  clusterMonitorUrls: define({
    name: 'cluster.monitor_urls',
    summary: 'Where the servers’ monitoring answers: then it is checked that they sync every write',
    kind: listOf(monitorKind, { elementsMax: 32 }),
    fallback: () => [],
    fallbackWords: 'none: not checked, and the log warns',
  }),
  clusterShards: define({
    name: 'cluster.shards',
    summary: 'Parts that guests’ data is divided into; fixed for good with the first start',
    kind: count({ min: 1, max: 64 }),
    fallback: () => 4,
  }),
  clusterReplicas: define({
    name: 'cluster.replicas',
    summary: 'Servers that keep each part; 1 only for trying',
    kind: count({ min: 1, max: 5 }),
    fallback: () => 3,
  }),
  clusterWaitMs: define({
    name: 'cluster.wait_ms',
    summary: 'How long a call of a module may wait for the servers; an election takes 4 to 9 s',
    kind: milliseconds({ min: 100, max: 60_000 }),
    fallback: () => 10_000,
  }),
  clusterStaleReadsMs: define({
    name: 'cluster.stale_reads_ms',
    summary: 'How much longer what was read may be read again while the servers are away',
    kind: milliseconds({ min: 0, max: 86_400_000 }),
    fallback: () => 0,
  }),
  clusterSharedLogins: define({
    name: 'cluster.shared_logins',
    summary: 'Whether all nodes together count the passwords of a folder that were wrong',
    kind: yesOrNo,
    fallback: () => false,
  }),
  clusterMirrorBytesMax: define({
    name: 'cluster.mirror_bytes',
    summary: 'The most of a local file that holds what this node reads often',
    kind: bytes({ min: mib, max: 1024 * 1024 * mib }),
    fallback: () => 1024 * mib,
  }),
} as const;
