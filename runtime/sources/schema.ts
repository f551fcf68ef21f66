import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';

/** What is wrong with a value by one of the schemas in docs/, in a sentence; null: nothing. */
export function findSchemaErrors(name: 'manifest' | 'maps', value: unknown): string | null {
  const schema = JSON.parse(readFileSync(new URL(`../../docs/${name}.schema.json`, import.meta.url), 'utf8')) as object;
  const ajv = new Ajv2020({ allErrors: false });
  if (ajv.validate(schema, value)) return null;
  return ajv.errorsText(ajv.errors, { dataVar: name });
}
