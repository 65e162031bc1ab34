/**
 * What of an owner's settings may hold here: the operator's limits and grants are the ceiling.
 * Above it a value is lowered and told, and no mistake: the operator may lower it any day. Pure.
 */
import { inBytes } from '../../amounts.ts';
import type { GrantsConfig, Limits } from '../../config/config.ts';
import type { ModulePath } from '../../names.ts';
import { namePlace, type Place } from './fault.ts';
import type { Grants } from './grants.ts';
import type { OwnLimits } from './limits.ts';
import type { ModuleTable, SharedTable } from './modules.ts';
import type { SiteSettings } from './site-settings.ts';

export type CeilingLimits = Pick<
  Limits,
  'cpuMsMax' | 'wallMsMax' | 'memoryBytesMax' | 'requestBodyBytesMax' | 'runsPerSiteMax'
>;

export interface Ceilings {
  readonly limits: CeilingLimits;
  readonly grants: GrantsConfig;
}

export interface LoweredSettings {
  readonly settings: SiteSettings;
  /** A sentence for each value that does not hold as it was written. */
  readonly notes: readonly string[];
}

interface LimitRow {
  readonly own: keyof OwnLimits;
  readonly ceiling: keyof CeilingLimits;
  /** As it is called in the file. */
  readonly key: string;
  readonly show: (value: number) => string;
}

const inMs = (value: number): string => `${value} ms`;
const limitRows: readonly LimitRow[] = [
  { own: 'cpuMs', ceiling: 'cpuMsMax', key: 'cpu_ms', show: inMs },
  { own: 'wallMs', ceiling: 'wallMsMax', key: 'wall_ms', show: inMs },
  { own: 'memoryBytes', ceiling: 'memoryBytesMax', key: 'memory', show: inBytes },
  { own: 'requestBodyBytes', ceiling: 'requestBodyBytesMax', key: 'request_body', show: inBytes },
  { own: 'runs', ceiling: 'runsPerSiteMax', key: 'runs', show: String },
];

/** Gives the same object back where nothing is lowered. */
export function lower(settings: SiteSettings, ceilings: Ceilings): LoweredSettings {
  const notes: string[] = [];
  const general = lowerShared(settings.general, [], { ceilings, notes });
  const modules = new Map<ModulePath, ModuleTable>();
  for (const [path, table] of settings.modules) {
    modules.set(path, lowerModule(table, [path], { ceilings, notes }));
  }
  const granted = limitGrants(general.grants, ceilings.grants);
  const isSame =
    granted === settings.general.grants &&
    general === settings.general &&
    [...modules].every(([path, table]) => table === settings.modules.get(path));
  if (isSame) return { settings, notes };
  const withGrants = granted === undefined ? general : { ...general, grants: granted };
  return { settings: { ...settings, general: withGrants, modules }, notes };
}

interface Lowering {
  readonly ceilings: Ceilings;
  readonly notes: string[];
}

function lowerModule(table: ModuleTable, place: Place, lowering: Lowering): ModuleTable {
  const lowered = lowerShared(table, place, lowering);
  if (table.data !== true || lowering.ceilings.grants.keyValue) return lowered;
  lowering.notes.push(`${namePlace([...place, 'data'])} is not allowed here: there is no /data`);
  return { ...lowered, data: false };
}

function lowerShared<T extends SharedTable>(table: T, place: Place, lowering: Lowering): T {
  const { ceilings } = lowering;
  const limits = table.limits && lowerLimits(table.limits, [...place, 'limits'], lowering);
  if (table.grants !== undefined) noteGrants(table.grants, [...place, 'grants'], lowering);
  // The folder's own grants are completed by the caller, also where it has none.
  const grants = place.length === 0 ? table.grants : narrowOwn(table.grants, ceilings.grants);
  if (limits === table.limits && grants === table.grants) return table;
  return {
    ...table,
    ...(limits === undefined ? {} : { limits }),
    ...(grants === undefined ? {} : { grants }),
  };
}

function lowerLimits(limits: OwnLimits, place: Place, { ceilings, notes }: Lowering): OwnLimits {
  const lowered = limitRows.flatMap(({ own, ceiling, key, show }) => {
    const wanted = limits[own];
    const most = ceilings.limits[ceiling];
    if (wanted === undefined || wanted <= most) return [];
    const name = namePlace([...place, key]);
    notes.push(`${name} is ${show(most)}, the most that is allowed here, not ${show(wanted)}`);
    return [[own, most] as const];
  });
  return lowered.length === 0 ? limits : { ...limits, ...Object.fromEntries(lowered) };
}

function noteGrants(grants: Grants, place: Place, { ceilings, notes }: Lowering): void {
  const note = (key: string, what: string): void => {
    notes.push(`${namePlace([...place, key])} is not allowed here: ${what}`);
  };
  const { outbound, keyValue, files } = ceilings.grants;
  if (outbound === 'none' && (grants.outbound?.length ?? 0) > 0) {
    note('outbound', 'modules send no requests');
  }
  if (outbound === 'none' && isSome(grants.backends)) note('backends', 'modules send no requests');
  if (!keyValue && isSome(grants.kv)) note('kv', 'modules have no key-value stores');
  if (!files && (grants.files?.length ?? 0) > 0) note('files', 'programs read no files');
}

function isSome(grant: Grants['kv']): boolean {
  return grant === true || (typeof grant === 'object' && grant.length > 0);
}

/** What a module's own grants say over the folder's must not give back what is not allowed. */
function narrowOwn(grants: Grants | undefined, ceiling: GrantsConfig): Grants | undefined {
  if (grants === undefined) return undefined;
  const { outbound, keyValue, files } = ceiling;
  const narrowed = {
    ...(outbound === 'none' && grants.outbound !== undefined ? { outbound: [] } : {}),
    ...(outbound === 'none' && grants.backends !== undefined ? { backends: false } : {}),
    ...(!keyValue && grants.kv !== undefined ? { kv: false } : {}),
    ...(!files && grants.files !== undefined ? { files: [] } : {}),
  };
  return Object.keys(narrowed).length === 0 ? grants : { ...grants, ...narrowed };
}

/** The folder's grants, which hold for every module that says nothing itself. */
function limitGrants(grants: Grants | undefined, ceiling: GrantsConfig): Grants | undefined {
  const { outbound, keyValue, files } = ceiling;
  const isListed = outbound === 'listed' && grants?.outbound === undefined;
  const narrowed = {
    ...(outbound === 'none' || isListed ? { outbound: [] } : {}),
    ...(outbound === 'none' ? { backends: false } : {}),
    ...(keyValue ? {} : { kv: false }),
    ...(files ? {} : { files: [] }),
  };
  return Object.keys(narrowed).length === 0 ? grants : { ...grants, ...narrowed };
}
