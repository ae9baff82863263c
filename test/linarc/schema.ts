import { readFileSync } from 'node:fs';

export type Schema = {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
  readonly description?: string;
};

type Reference<T> = T | { readonly $ref: string };
export type Content = { readonly content?: { readonly 'application/json': { readonly schema: Schema } } };
export type Operation = {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Reference<Content>>>;
};
export type Contract = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly webhooks: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly responses: Readonly<Record<string, Content>>;
  };
};

export const CONTRACT = JSON.parse(
  readFileSync(new URL('../../server/linarc/openapi.json', import.meta.url), 'utf8'),
) as Contract;

/** The words of JSON Schema that this validator knows. A test holds the contract to them, so none goes unchecked. */
export const KNOWN_WORDS = new Set([
  '$ref',
  'type',
  'properties',
  'required',
  'additionalProperties',
  'items',
  'minItems',
  'maxItems',
  'enum',
  'pattern',
  'format',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'default',
  'description',
]);

const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  'date-time': (text) =>
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text)),
  uri: (text) => URL.canParse(text),
};

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value;
}

/** What in a value does not follow a schema of the contract, each as "where: what". */
export function faultsOf(schema: Schema, value: unknown, where = '$'): string[] {
  if (schema.$ref) return faultsOf(CONTRACT.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}, value, where);
  const types = schema.type === undefined ? [] : [schema.type].flat();
  const type = typeOf(value);
  if (types.length > 0 && !types.includes(type) && !(types.includes('integer') && Number.isInteger(value)))
    return [`${where}: is ${type}`];
  const faults = schema.enum && !schema.enum.includes(value) ? [`${where}: is none of ${schema.enum.join(', ')}`] : [];
  if (typeof value === 'string') return [...faults, ...textFaults(schema, value, where)];
  if (typeof value === 'number')
    return value < (schema.minimum ?? -Infinity) || value > (schema.maximum ?? Infinity)
      ? [...faults, `${where}: out of range`]
      : faults;
  if (Array.isArray(value)) return [...faults, ...arrayFaults(schema, value, where)];
  if (type === 'object') return [...faults, ...objectFaults(schema, value as Record<string, unknown>, where)];
  return faults;
}

function textFaults({ pattern, format, minLength = 0, maxLength = Infinity }: Schema, text: string, where: string): string[] {
  const faults: string[] = [];
  if (pattern && !new RegExp(pattern).test(text)) faults.push(`${where}: does not match ${pattern}`);
  if (format && !FORMATS[format]?.(text)) faults.push(`${where}: is no ${format}`);
  if (text.length < minLength || text.length > maxLength) faults.push(`${where}: has ${text.length} characters`);
  return faults;
}

function arrayFaults(
  { items = {}, minItems = 0, maxItems = Infinity }: Schema,
  values: readonly unknown[],
  where: string,
): string[] {
  const size = values.length < minItems || values.length > maxItems ? [`${where}: has ${values.length} items`] : [];
  return [...size, ...values.flatMap((value, index) => faultsOf(items, value, `${where}[${index}]`))];
}

function objectFaults(
  { properties = {}, required = [], additionalProperties }: Schema,
  value: Record<string, unknown>,
  where: string,
): string[] {
  const missing = required.filter((name) => !(name in value)).map((name) => `${where}.${name}: is missing`);
  const unknown =
    additionalProperties === false
      ? Object.keys(value)
          .filter((name) => !(name in properties))
          .map((name) => `${where}.${name}: is not in the contract`)
      : [];
  const inside = Object.entries(properties).flatMap(([name, schema]) =>
    name in value ? faultsOf(schema, value[name], `${where}.${name}`) : [],
  );
  return [...missing, ...unknown, ...inside];
}
