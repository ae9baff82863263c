import { z } from 'zod';

export interface SealingKey {
  readonly id: string;
  /** 32 bytes for AES-256-GCM, in base64. */
  readonly key: string;
}

export interface Secrets {
  /** Sign and seal sessions; the first is used, the others are still accepted. */
  readonly sessionSecrets: readonly string[];
  /** Seal tokens and realm ids; the first is used, the others still open what they sealed. */
  readonly sealingKeys: readonly SealingKey[];
}

export type QuickBooksWorld =
  | { readonly kind: 'intuit'; readonly environment: 'sandbox' | 'production'; readonly clientId: string; readonly clientSecret: string }
  /** `url`: a sandbox that already runs. Otherwise one is started on `port` (0: any free one). */
  | { readonly kind: 'sandbox'; readonly url: string | null; readonly port: number };

export type LinarcWorld =
  | { readonly kind: 'api'; readonly url: string }
  | { readonly kind: 'sandbox'; readonly url: string | null; readonly port: number };

export type Database = { readonly kind: 'embedded'; readonly dir: string } | { readonly kind: 'mongodb'; readonly uri: string };

export interface Config {
  readonly production: boolean;
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  /** Without a slash at the end; null: http://localhost and the port it listens on. */
  readonly publicUrl: string | null;
  readonly trustProxyHops: number;
  readonly logLevel: string;
  /** Lets its bearer read /metrics; null: only programs on this machine may. */
  readonly metricsToken: string | null;
  readonly dataDir: string;
  readonly database: Database;
  readonly quickbooks: QuickBooksWorld;
  readonly linarc: LinarcWorld;
  /** What is null is made at the first start and kept in `dataDir`. */
  /** The Intuit app's webhook verifier tokens; with none, nothing that claims to be a webhook of QuickBooks' is believed. */
  readonly webhookVerifiers: readonly string[];
  /** Where people who need help write to; null: nowhere is named. */
  readonly supportEmail: string | null;
  /** Where notices go by e-mail. `file`: into the outbox in `dataDir`; null: nowhere. */
  readonly mail: { readonly kind: 'smtp'; readonly url: string; readonly from: string } | { readonly kind: 'file'; readonly dir: string; readonly from: string } | null;
  readonly secrets: { readonly [Kind in keyof Secrets]: Secrets[Kind] | null };
  readonly sandbox: {
    readonly speed: number;
    readonly limits: boolean;
    readonly library: string | null;
    readonly codes: number | null;
  };
}

export interface Fault {
  readonly variable: string;
  /** What is wrong and what to do. Never holds the value. */
  readonly say: string;
}

/** Every faulty setting at once; the message is fit for the terminal. */
export class ConfigError extends Error {
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    super(['The settings need correcting:', ...faults.map(({ variable, say }) => `  ${variable} ${say}`)].join('\n'));
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/** A setting that reads well but does not work here: a port in use, a folder that cannot be written, a server that does not answer. */
export class StartError extends Error {
  override name = 'StartError';

  constructor(variable: string, say: string) {
    super(`${variable}: ${say}`);
  }
}

const wholeNumber = (from: number, to: number) => {
  const say = `must be a whole number from ${from} to ${to}.`;
  return z.string().regex(/^\d{1,9}$/, say).transform(Number).refine((n) => n >= from && n <= to, say);
};

const oneOf = (...values: [string, ...string[]]) => z.enum(values, { error: `must be one of ${values.join(', ')}.` });

function isWebAddress(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash;
}

const webAddress = z
  .string()
  .refine(isWebAddress, 'must be an address such as https://sync.example.com, without user, question mark or #.')
  .transform((text) => text.replace(/\/+$/, ''));

/** At least 32 characters of at least 10 kinds: enough to refuse placeholders such as “changeme” repeated. */
const isSecret = (text: string) => text.length >= 32 && new Set(text).size >= 10;

const listed = z.string().transform((text) => text.split(',').map((part) => part.trim()));

const verifiers = listed.refine(
  (all) => all.every((one) => /^[\w-]{8,200}$/.test(one)) && new Set(all).size === all.length,
  'must be one or more verifier tokens from the app’s Webhooks page at developer.intuit.com, separated by commas.',
);

const sender = z.string().regex(/^[^\r\n<>]{0,200}<[^\s<>@]+@[^\s<>@]+>$|^[^\s<>@]+@[^\s<>@]+$/, 'must be an e-mail address, or a name with one in angle brackets.');

const sessionSecrets = listed.refine(
  (all) => all.every(isSecret) && new Set(all).size === all.length,
  'must be one or more different random texts of at least 32 characters, separated by commas. Make one with: openssl rand -hex 32',
);

const sealingKeys = listed
  .refine(
    (all) => all.every((entry) => /^[\w-]{1,16}:[A-Za-z0-9+/]{43}=$/.test(entry) && isSecret(entry.split(':')[1] ?? ''))
      && new Set(all.flatMap((entry) => entry.split(':'))).size === all.length * 2,
    'must be one or more of name:key separated by commas, each key 32 random bytes in base64, names and keys all different. '
      + 'Make one with: echo "k1:$(openssl rand -base64 32)"',
  )
  .transform((all) => all.map((entry): SealingKey => {
    const [id = '', key = ''] = entry.split(':');
    return { id, key };
  }));

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const text = z.string().max(1000, 'is longer than 1,000 characters.');

/** Every environment variable the app reads. app.json says why each is there, README.md how to use it; tests compare the three. */
export const SETTINGS = z.object({
  NODE_ENV: oneOf('production', 'development', 'test').default('development'),
  PORT: wholeNumber(0, 65533).default(3000),
  HOST: text.regex(/^[\w.:-]+$/, 'must be a host name or an IP address to listen on.').optional(),
  PUBLIC_URL: webAddress.optional(),
  TRUST_PROXY_HOPS: wholeNumber(0, 10).optional(),
  LOG_LEVEL: oneOf(...logLevels).optional(),
  DATA_DIR: text.default('./data'),
  MONGODB_URI: text
    .regex(/^mongodb(\+srv)?:\/\/[^\s/]+/, 'must be a MongoDB connection string that begins with mongodb:// or mongodb+srv://')
    .optional(),
  METRICS_TOKEN: z.string().refine(isSecret, 'must be a random text of at least 32 characters. Make one with: openssl rand -hex 32').optional(),
  SESSION_SECRETS: sessionSecrets.optional(),
  SEALING_KEYS: sealingKeys.optional(),
  INTUIT_CLIENT_ID: text.optional(),
  INTUIT_CLIENT_SECRET: text.optional(),
  INTUIT_ENVIRONMENT: oneOf('sandbox', 'production').optional(),
  INTUIT_WEBHOOK_VERIFIER: verifiers.optional(),
  SMTP_URL: text.regex(/^smtps?:\/\/[^\s/]+/, 'must be the address of a mail server that begins with smtp:// or smtps://').optional(),
  MAIL_FROM: sender.optional(),
  SUPPORT_EMAIL: text.regex(/^[^\s<>@]+@[^\s<>@]+$/, 'must be one e-mail address.').optional(),
  LINARC_API_URL: webAddress.optional(),
  QUICKBOOKS_SANDBOX_URL: webAddress.optional(),
  LINARC_SANDBOX_URL: webAddress.optional(),
  SANDBOX_SPEED: wholeNumber(1, 10_000).default(1),
  SANDBOX_LIMITS: oneOf('on', 'off').default('on'),
  SANDBOX_LIBRARY: text.optional(),
  SANDBOX_CODES: wholeNumber(0, 200_000).optional(),
});

type Values = z.infer<typeof SETTINGS>;
export type Environment = Readonly<Record<string, string | undefined>>;
type Given = (name: keyof Values) => boolean;

/** A rule over several settings. It sees which are given and, of those without fault of their own, the values. */
interface Rule {
  readonly variable: keyof Values;
  readonly broken: (given: Given, values: Partial<Values>) => boolean;
  readonly say: string;
}

const inProduction = (rule: Rule): Rule => ({
  ...rule,
  broken: (given, values) => values.NODE_ENV === 'production' && rule.broken(given, values),
});

const requiredInProduction = (variable: keyof Values, why: string): Rule =>
  inProduction({ variable, broken: (given) => !given(variable), say: `is missing: ${why}` });

const refusedInProduction = (variable: keyof Values): Rule =>
  inProduction({ variable, broken: (given) => given(variable), say: 'names a sandbox, which NODE_ENV=production refuses. Remove it.' });

const encryptedInProduction = (variable: 'PUBLIC_URL' | 'LINARC_API_URL'): Rule =>
  inProduction({
    variable,
    broken: (_given, values) => values[variable]?.startsWith('http:') === true,
    say: 'must begin with https:// when NODE_ENV=production.',
  });

const sandboxOnly = (variable: 'SANDBOX_SPEED' | 'SANDBOX_LIMITS', isRealTime: (values: Partial<Values>) => boolean): Rule => ({
  variable,
  broken: (given, values) => given('INTUIT_CLIENT_ID') && given(variable) && !isRealTime(values),
  say: 'is for the QuickBooks sandbox only; with INTUIT_CLIENT_ID the app must keep to Intuit’s limits. Remove it.',
});

const RULES: readonly Rule[] = [
  {
    variable: 'INTUIT_CLIENT_SECRET',
    broken: (given) => given('INTUIT_CLIENT_ID') && !given('INTUIT_CLIENT_SECRET'),
    say: 'is missing: set it beside INTUIT_CLIENT_ID, from the app’s Keys page at developer.intuit.com.',
  },
  {
    variable: 'INTUIT_CLIENT_ID',
    broken: (given) => given('INTUIT_CLIENT_SECRET') && !given('INTUIT_CLIENT_ID'),
    say: 'is missing: set it beside INTUIT_CLIENT_SECRET, or remove both for sandbox mode.',
  },
  {
    variable: 'INTUIT_WEBHOOK_VERIFIER',
    broken: (given) => given('INTUIT_WEBHOOK_VERIFIER') && !given('INTUIT_CLIENT_ID'),
    say: 'is for an Intuit app: set INTUIT_CLIENT_ID and INTUIT_CLIENT_SECRET too, or remove it for sandbox mode.',
  },
  {
    variable: 'MAIL_FROM',
    broken: (given) => given('SMTP_URL') && !given('MAIL_FROM'),
    say: 'is missing: set it beside SMTP_URL, to an address the mail server lets the app send from.',
  },
  {
    variable: 'QUICKBOOKS_SANDBOX_URL',
    broken: (given) => given('INTUIT_CLIENT_ID') && given('QUICKBOOKS_SANDBOX_URL'),
    say: 'cannot be used together with INTUIT_CLIENT_ID. Remove one of the two.',
  },
  {
    variable: 'LINARC_SANDBOX_URL',
    broken: (given) => given('LINARC_API_URL') && given('LINARC_SANDBOX_URL'),
    say: 'cannot be used together with LINARC_API_URL. Remove one of the two.',
  },
  {
    variable: 'SANDBOX_CODES',
    broken: (given) => given('SANDBOX_LIBRARY') && given('SANDBOX_CODES'),
    say: 'cannot be used together with SANDBOX_LIBRARY. Remove one of the two.',
  },
  sandboxOnly('SANDBOX_SPEED', (values) => values.SANDBOX_SPEED === 1),
  sandboxOnly('SANDBOX_LIMITS', (values) => values.SANDBOX_LIMITS === 'on'),
  {
    variable: 'TRUST_PROXY_HOPS',
    broken: (_given, values) => values.PUBLIC_URL?.startsWith('https:') === true && values.TRUST_PROXY_HOPS === 0,
    say: 'must be at least 1 with an https PUBLIC_URL: the proxy that ends TLS is a hop, and without it no secure cookie is set.',
  },
  requiredInProduction('MONGODB_URI', 'NODE_ENV=production refuses the embedded database. Name a MongoDB server.'),
  requiredInProduction('INTUIT_CLIENT_ID', 'NODE_ENV=production refuses the QuickBooks sandbox. Set the client id and secret of your Intuit app.'),
  requiredInProduction('LINARC_API_URL', 'NODE_ENV=production refuses the Linarc sandbox. Set the address of the Linarc API.'),
  requiredInProduction('PUBLIC_URL', 'set the https address at which people and Intuit reach the app.'),
  requiredInProduction('SESSION_SECRETS', 'NODE_ENV=production makes no secrets of its own. Make one with: openssl rand -hex 32'),
  requiredInProduction('SEALING_KEYS', 'NODE_ENV=production makes no keys of its own. Make one with: echo "k1:$(openssl rand -base64 32)"'),
  refusedInProduction('QUICKBOOKS_SANDBOX_URL'),
  refusedInProduction('LINARC_SANDBOX_URL'),
  encryptedInProduction('PUBLIC_URL'),
  encryptedInProduction('LINARC_API_URL'),
];

/**
 * Reads the settings (design.md §8). `isFile` tells whether a path names a readable file.
 * Throws ConfigError with every fault there is.
 */
export function readConfig(env: Environment, isFile: (path: string) => boolean): Config {
  const trimmed = Object.keys(SETTINGS.shape).map((name) => [name, env[name]?.trim() || undefined] as const);
  const given = new Map(trimmed.filter(([, value]) => value !== undefined));
  const { values, faults } = readEach(given);
  faults.push(...brokenRules(given, values));
  if (values.SANDBOX_LIBRARY && !isFile(values.SANDBOX_LIBRARY)) {
    faults.push({ variable: 'SANDBOX_LIBRARY', say: 'names no readable file. Give the path of a CSV file with code, label and level.' });
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return compose(SETTINGS.parse(Object.fromEntries(given)));
}

function readEach(given: ReadonlyMap<string, string | undefined>): { values: Partial<Values>; faults: Fault[] } {
  const faults: Fault[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(SETTINGS.shape)) {
    const read = field.safeParse(given.get(name));
    if (read.success) values[name] = read.data;
    else faults.push({ variable: name, say: read.error.issues[0]?.message ?? 'cannot be read.' });
  }
  return { values, faults };
}

function brokenRules(given: ReadonlyMap<string, string | undefined>, values: Partial<Values>): Fault[] {
  return RULES.filter((rule) => rule.broken((name) => given.has(name), values)).map(({ variable, say }) => ({ variable, say }));
}

function compose(values: Values): Config {
  const production = values.NODE_ENV === 'production';
  const quickbooks = quickbooksWorld(values, production);
  return frozen({
    production,
    port: values.PORT,
    host: values.HOST ?? (quickbooks.kind === 'sandbox' ? '127.0.0.1' : '0.0.0.0'),
    publicUrl: values.PUBLIC_URL ?? null,
    trustProxyHops: values.TRUST_PROXY_HOPS ?? (values.PUBLIC_URL?.startsWith('https:') ? 1 : 0),
    logLevel: values.LOG_LEVEL ?? (production ? 'info' : 'warn'),
    metricsToken: values.METRICS_TOKEN ?? null,
    dataDir: values.DATA_DIR,
    database: values.MONGODB_URI ? { kind: 'mongodb', uri: values.MONGODB_URI } : { kind: 'embedded', dir: `${values.DATA_DIR}/mongo` },
    quickbooks,
    linarc: values.LINARC_API_URL
      ? { kind: 'api', url: values.LINARC_API_URL }
      : { kind: 'sandbox', url: values.LINARC_SANDBOX_URL ?? null, port: besides(values.PORT, 2) },
    webhookVerifiers: values.INTUIT_WEBHOOK_VERIFIER ?? [],
    supportEmail: values.SUPPORT_EMAIL ?? null,
    mail: mailOf(values, quickbooks.kind === 'sandbox'),
    secrets: { sessionSecrets: values.SESSION_SECRETS ?? null, sealingKeys: values.SEALING_KEYS ?? null },
    sandbox: {
      speed: values.SANDBOX_SPEED,
      limits: values.SANDBOX_LIMITS === 'on',
      library: values.SANDBOX_LIBRARY ?? null,
      codes: values.SANDBOX_CODES ?? null,
    },
  });
}

const SANDBOX_SENDER = 'Linarc Class Sync <notices@localhost>';

/** A mail server, where one is named; while QuickBooks is a sandbox, files that can be looked at. */
function mailOf({ SMTP_URL: url, MAIL_FROM: from, DATA_DIR: dataDir }: Values, isSandbox: boolean): Config['mail'] {
  if (url && from) return { kind: 'smtp', url, from };
  return isSandbox ? { kind: 'file', dir: `${dataDir}/outbox`, from: from ?? SANDBOX_SENDER } : null;
}

function quickbooksWorld(values: Values, production: boolean): QuickBooksWorld {
  const { INTUIT_CLIENT_ID: clientId, INTUIT_CLIENT_SECRET: clientSecret } = values;
  if (!clientId || !clientSecret) return { kind: 'sandbox', url: values.QUICKBOOKS_SANDBOX_URL ?? null, port: besides(values.PORT, 1) };
  const environment = values.INTUIT_ENVIRONMENT ?? (production ? 'production' : 'sandbox');
  return { kind: 'intuit', environment: environment === 'production' ? 'production' : 'sandbox', clientId, clientSecret };
}

/** The ports beside a free one are not known to be free, so they are chosen freely too. */
function besides(port: number, step: number): number {
  return port === 0 ? 0 : port + step;
}

function frozen<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) frozen(part);
  }
  return Object.freeze(value);
}

/** What the settings come to, in lines for the terminal, with nothing secret in them. */
export function summary(config: Config): readonly string[] {
  const { quickbooks, linarc, database, secrets, sandbox, mail } = config;
  return [
    `mode        ${config.production ? 'production' : 'development'}`,
    `listen      ${config.host}:${config.port || 'any free port'}, reached at ${config.publicUrl ?? 'localhost'}, ${config.trustProxyHops} proxies trusted`,
    `database    ${database.kind === 'embedded' ? `embedded, in ${database.dir}` : 'the server of MONGODB_URI'}`,
    `QuickBooks  ${quickbooks.kind === 'intuit' ? `Intuit, ${quickbooks.environment} companies` : place(quickbooks)}`,
    `Linarc      ${linarc.kind === 'api' ? linarc.url : place(linarc)}`,
    `secrets     for sessions: ${origin(secrets.sessionSecrets, config)}; for sealing: ${origin(secrets.sealingKeys, config)}`,
    `mail        ${mail === null ? 'none' : mail.kind === 'smtp' ? 'by the server of SMTP_URL' : `files in ${mail.dir}`}`,
    `sandbox     speed ${sandbox.speed}, limits ${sandbox.limits ? 'on' : 'off'}, ${sandbox.library ? 'library from a file' : `${sandbox.codes ?? 'sample'} codes`}`,
    `log         ${config.logLevel}`,
  ];
}

function origin(given: readonly unknown[] | null, config: Config): string {
  return given ? `${given.length} given` : `made and kept in ${config.dataDir}`;
}

function place(world: { readonly url: string | null; readonly port: number }): string {
  return world.url ? `sandbox at ${world.url}` : `sandbox started here, on ${world.port === 0 ? 'any free port' : `port ${world.port}`}`;
}
