/** The JSON schema of the configuration file, for editors that complete and check TOML. */
import type { JsonSchema } from '../src/config/kinds.ts';
import { splitName } from '../src/config/print.ts';
import { allSettings } from '../src/config/schema.ts';

export function describeJsonSchema(): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  const tables: Record<string, Record<string, JsonSchema>> = {};
  for (const setting of allSettings) {
    const { table, key } = splitName(setting);
    const row = { description: setting.summary, ...setting.kind.jsonSchema };
    if (table === undefined) properties[key] = row;
    else tables[table] = { ...tables[table], [key]: row };
  }
  for (const [table, rows] of Object.entries(tables)) {
    properties[table] = { type: 'object', properties: rows, additionalProperties: false };
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of terrafirma',
    type: 'object',
    properties,
    additionalProperties: false,
  };
}
