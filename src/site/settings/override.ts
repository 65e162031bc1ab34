/** Variables that whoever serves one folder gives its programs, over what the folder says. Pure. */
import type { SiteSettings } from './site-settings.ts';

type Texts = ReadonlyMap<string, string>;

/**
 * The settings with `variables` in the environment of every program. What the folder has under the
 * same names gives way, also secrets, which may be sealed for another machine.
 */
export function withVariables(settings: SiteSettings, variables: Texts): SiteSettings {
  if (variables.size === 0) return settings;
  const without = (texts: Texts): Texts =>
    new Map([...texts].filter(([name]) => !variables.has(name)));
  const modules = new Map(
    [...settings.modules].map(([path, table]) => [
      path,
      {
        ...table,
        ...(table.environment === undefined ? {} : { environment: without(table.environment) }),
        ...(table.secrets === undefined ? {} : { secrets: overwrite(table.secrets, variables) }),
      },
    ]),
  );
  const environment = new Map([...(settings.general.environment ?? []), ...variables]);
  const stores =
    settings.secretStores === undefined
      ? {}
      : {
          secretStores: new Map(
            [...settings.secretStores].map(([store, secrets]) => [
              store,
              overwrite(secrets, variables),
            ]),
          ),
        };
  return { ...settings, ...stores, modules, general: { ...settings.general, environment } };
}

/** Names stay: programs that ask a store for its secrets find those that the folder lists. */
function overwrite(secrets: Texts, variables: Texts): Texts {
  return new Map([...secrets].map(([name, text]) => [name, variables.get(name) ?? text]));
}
