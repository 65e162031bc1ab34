/** The values of all settings → one Config, frozen. Pure. */
import type { Config, Limits } from './config.ts';
import { limitNames, limitSettings, type Setting, settings } from './schema.ts';

/** @param resolvedOf What a setting was resolved to. */
export function assemble(resolvedOf: (setting: Setting<unknown>) => unknown): Config {
  // A value was parsed by the kind of its own setting, so it has that setting's type.
  const of: ValueOf = <T>(setting: Setting<T>): T => resolvedOf(setting as Setting<unknown>) as T;
  return freezeDeep({
    listen: of(settings.listen),
    ...{ folder: of(settings.folder), variablesFile: of(settings.variablesFile) },
    mounts: of(settings.mounts),
    botUser: of(settings.botUser),
    stateDirectory: of(settings.stateDirectory),
    threads: of(settings.threads),
    processMemoryBytesMax: of(settings.processMemoryBytesMax),
    dns: {
      servers: of(settings.dnsServers),
      recordNames: of(settings.dnsRecordNames),
      recordKey: of(settings.dnsRecordKey),
    },
    watch: assembleWatch(of),
    outbound: { allowedCidrs: of(settings.outboundAllowedCidrs) },
    keyValue: { synchronous: of(settings.keyValueSynchronous) },
    log: {
      level: of(settings.logLevel),
      format: of(settings.logFormat),
      color: of(settings.logColor),
      syslog: of(settings.logSyslog),
      accessFile: of(settings.logAccessFile),
      accessFormat: of(settings.logAccessFormat),
    },
    tls: {
      listen: of(settings.tlsListen),
      certificates: of(settings.tlsCertificates),
      redirects: of(settings.tlsRedirects),
      publicPort: of(settings.tlsPublicPort),
      hstsMaxAgeS: of(settings.tlsHstsMaxAgeS),
    },
    acme: {
      isAgreed: of(settings.acmeIsAgreed),
      directories: of(settings.acmeDirectories),
      isStaging: of(settings.acmeIsStaging),
      contacts: of(settings.acmeContacts),
      profile: of(settings.acmeProfile),
      externalKeyId: of(settings.acmeExternalKeyId),
      externalKeyFile: of(settings.acmeExternalKeyFile),
      caFile: of(settings.acmeCaFile),
      challengeTypes: of(settings.acmeChallengeTypes),
      publicAddresses: of(settings.acmePublicAddresses),
    },
    hosts: {
      allowed: of(settings.hostsAllowed),
      denied: of(settings.hostsDenied),
      allowedFolders: of(settings.hostsAllowedFolders),
      deniedFolders: of(settings.hostsDeniedFolders),
      requireFolderConsent: of(settings.hostsRequireFolderConsent),
      reservedName: of(settings.dashboardHostName),
    },
    ...assembleFolders(of),
    ...assembleOperation(of),
    proxies: { trustedCidrs: of(settings.proxiesTrustedCidrs) },
    limits: assembleLimits(resolvedOf),
  });
}

type ValueOf = <T>(setting: Setting<T>) => T;

/** What folders may have, and with whom it is shared. */
function assembleFolders(of: ValueOf): Pick<Config, 'grants' | 'secrets' | 'cron' | 'cluster'> {
  return {
    cluster: assembleCluster(of),
    grants: {
      outbound: of(settings.grantsOutbound),
      keyValue: of(settings.grantsKeyValue),
      files: of(settings.grantsFiles),
    },
    secrets: {
      keyFile: of(settings.secretsKeyFile),
      variables: of(settings.secretsVariables),
    },
    cron: { isEnabled: of(settings.cronEnabled) },
  };
}

function assembleWatch(of: ValueOf): Config['watch'] {
  return {
    quietMs: of(settings.watchQuietMs),
    quietNetworkMs: of(settings.watchQuietNetworkMs),
    quietClosedMs: of(settings.watchQuietClosedMs),
    pollMs: of(settings.watchPollMs),
    pollNetworkMs: of(settings.watchPollNetworkMs),
  };
}

/** What operators see and owners are told. */
function assembleOperation(
  of: ValueOf,
): Pick<Config, 'admin' | 'dashboard' | 'feedback' | 'telemetry'> {
  const admin = {
    listen: of(settings.adminListen),
    directory: of(settings.adminDirectory),
    tokenFile: of(settings.adminTokenFile),
    metricsListen: of(settings.adminMetricsListen),
  };
  const feedback = {
    isEnabled: of(settings.feedbackEnabled),
    nodeName: of(settings.feedbackNodeName),
  };
  const telemetry = {
    endpoint: of(settings.telemetryEndpoint),
    sampleRatio: of(settings.telemetrySampleRatio),
    serviceName: of(settings.telemetryServiceName),
    propagates: of(settings.telemetryPropagates),
  };
  const dashboard = { hostName: of(settings.dashboardHostName) };
  return { admin, feedback, dashboard, telemetry };
}

function assembleCluster(of: ValueOf): Config['cluster'] {
  return {
    servers: of(settings.clusterServers),
    name: of(settings.clusterName),
    node: of(settings.clusterNode),
    credentialsFile: of(settings.clusterCredentialsFile),
    nkeyFile: of(settings.clusterNkeyFile),
    caFile: of(settings.clusterCaFile),
    certificateFile: of(settings.clusterCertificateFile),
    keyFile: of(settings.clusterKeyFile),
    sealKeyFile: of(settings.clusterSealKeyFile),
    monitorUrls: of(settings.clusterMonitorUrls),
    shards: of(settings.clusterShards),
    replicas: of(settings.clusterReplicas),
    waitMs: of(settings.clusterWaitMs),
    staleReadsMs: of(settings.clusterStaleReadsMs),
    mirrorBytesMax: of(settings.clusterMirrorBytesMax),
    hasSharedLogins: of(settings.clusterSharedLogins),
  };
}

function assembleLimits(resolvedOf: (setting: Setting<unknown>) => unknown): Limits {
  return Object.fromEntries(
    limitNames.map((name) => [name, resolvedOf(limitSettings[name] as Setting<unknown>)]),
  ) as Limits;
}

function freezeDeep<T extends object>(value: T): T {
  for (const inner of Object.values(value)) {
    if (typeof inner === 'object' && inner !== null && !Object.isFrozen(inner)) freezeDeep(inner);
  }
  return Object.freeze(value);
}
