/**
 * Behaviours nobody has recorded (UNCONFIRMED in quickbooks.md) and a few settings of the sandbox itself. This table is the only
 * list: the control calls validate by it, the settings page shows it and the README section is made from it.
 */
interface Choice {
  readonly values: readonly [string, ...string[]];
  readonly about: string;
  readonly reason: string;
}
interface Amount {
  readonly amount: number;
  readonly min: number;
  readonly max: number;
  readonly about: string;
  readonly reason: string;
}
export type SwitchSpec = Choice | Amount;

const NOT_RECORDED = 'No recording';

export const SWITCHES = {
  codeLifetimeSeconds: {
    amount: 600, min: 1, max: 86_400,
    about: 'How long an authorization code lives, in virtual seconds', reason: '§1.3: about 10 minutes, unconfirmed',
  },
  codeReuse: {
    values: ['refused', 'voids-tokens'],
    about: 'What a second exchange of one code does beside failing', reason: '§1.3: "may void the tokens"',
  },
  refreshRotation: {
    values: ['24h', 'always'],
    about: 'When a refresh answers a new refresh token', reason: '§1.5: changes about every 24 h, may repeat in between',
  },
  refreshGraceSeconds: {
    amount: 0, min: 0, max: 86_400,
    about: 'How long a replaced refresh token still works, in virtual seconds',
    reason: '§1.5: grace unconfirmed; none is the hardest',
  },
  oldRefreshToken: {
    values: ['invalid_grant', 'kills-family'],
    about: 'What the use of a replaced refresh token does', reason: '§1.5: of two parallel refreshes the other token may die too',
  },
  invalidGrantText: {
    values: ['bare', 'incorrect', 'token-invalid'],
    about: 'The body of invalid_grant', reason: '§1.6: three bodies are known; the 25-byte one is recorded most often',
  },
  unsupportedGrantType: {
    values: ['unsupported_grant_type', 'invalid_request'],
    about: 'The error for an unknown grant_type', reason: '§1.6: body unconfirmed',
  },
  idTokenOnRefresh: {
    values: ['no', 'yes'],
    about: 'Whether a refresh answers an id_token', reason: '§1.4: samples show it, unconfirmed',
  },
  revokedToken: {
    values: ['3200', '3100'],
    about: 'What a call with a revoked access token gets', reason: '§6.1 and §6.3 name both: 401/3200 and 403/3100',
  },
  realmIdOnConnectRequest: {
    values: ['no', 'yes'],
    about: 'Whether "Get app now" adds realmId to the Connect Request address', reason: '§7.1: no documented parameters',
  },
  realmIdOnLaunch: {
    values: ['yes', 'no'],
    about: 'Whether "Launch" adds realmId to the Launch address', reason: '§11: the query strings of Launch are not known',
  },
  readWrapper: {
    values: ['yes', 'no'],
    about: 'Whether a read wraps the object in {"Class": …}', reason: '§2.2: recorded for other lists, the docs sample lacks it',
  },
  sparseUpdate: {
    values: ['refuse', 'accept'],
    about: 'What sparse: true on an update does', reason: '§2.2: client libraries call it unsupported',
  },
  updateWithoutParentRef: {
    values: ['top-level', 'keep'],
    about: 'What a full update without ParentRef does to a sub-class',
    reason: '§2.2: omitted writable fields become null; not recorded',
  },
  operationDelete: {
    values: ['code-500', 'deactivates'],
    about: 'What ?operation=delete does', reason: '§2.2: likely code 500',
  },
  inactiveSuffix: {
    values: ['(deleted)', '(Deleted)', 'numbered'],
    about: 'What an inactivated name ends with', reason: '§2.2: recorded on other lists in lower case; class unconfirmed',
  },
  inactiveNameReuse: {
    values: ['free', '6240'],
    about: 'Whether the name of an inactive class may be used again', reason: '§2.2: usually free, other lists reportedly 6240',
  },
  inactivateParent: {
    values: ['keeps-children', 'inactivates-children', '800'],
    about: 'What inactivating a class with active sub-classes does', reason: NOT_RECORDED,
  },
  subClassWithoutParent: {
    values: ['ignored', '6150'],
    about: 'SubClass: true without ParentRef', reason: '§2.1 says ignored on input, §6.3 has a code for it',
  },
  uniqueness: {
    values: ['sibling-case-blind', 'exact', 'whole-list'],
    about: 'Among what a name must be unique', reason: '§2.3: per parent without case by secondary sources',
  },
  duplicateText: {
    values: ['class', 'customer', 'null'],
    about: 'The text of fault 6240', reason: 'A6.3: the class text is a guess, the other two are recorded on other lists',
  },
  doubleQuote: {
    values: ['2040', 'accept'],
    about: 'A double quote in a name', reason: '§2.3: refused for Account, class unconfirmed',
  },
  outerBlanks: {
    values: ['trim', 'keep'],
    about: 'Blanks around a name', reason: '§2.3: unconfirmed',
  },
  inactiveParent: {
    values: ['610', '2500'],
    about: 'The fault for an inactive parent', reason: '§6.3: both codes say inactive; unconfirmed for ParentRef',
  },
  childSyncTokenOnParentRename: {
    values: ['kept', 'bumped'],
    about: 'The SyncToken of sub-classes when the parent is renamed', reason: '§2.2: inferred from a docs sample',
  },
  queryTextCase: {
    values: ['blind', 'exact'],
    about: 'Whether text in a query compares without case', reason: NOT_RECORDED,
  },
  requestid: {
    values: ['replay', 'ignored', '6000', '600'],
    about: 'What a known requestid does', reason: '§2.4: documented as a replay, seen to be ignored and to answer 6000',
  },
  requestidRetentionSeconds: {
    amount: 86_400, min: 1, max: 31_536_000,
    about: 'How long answers are kept by requestid, in virtual seconds', reason: '§2.4: retention unconfirmed',
  },
  requestidReplaysFaults: {
    values: ['no', 'yes'],
    about: 'Whether a fault is replayed too', reason: '§2.4: unconfirmed',
  },
  trackingOff: {
    values: ['allow', '6000', '5020'],
    about: 'Creating a class while class tracking is off', reason: '§2.5: seems to succeed, invisible in forms',
  },
  planLimit40: {
    values: ['off', '6000', '5020'],
    about: 'The 41st active class or location on Plus', reason: '§2.5: API enforcement unconfirmed',
  },
  outsidePlanStatus: {
    values: ['400', '403'],
    about: 'The HTTP status of fault 5020', reason: 'A6.3: 400 and 403 are both named',
  },
  offeringSku: {
    values: ['full', 'short'],
    about: 'How companyinfo writes the plan: "QuickBooks Online Plus" or "Plus"',
    reason: '§3.2: the string for Advanced is unconfirmed',
  },
  batchOver30: {
    values: ['1040', 'accept'],
    about: 'A batch of more than 30 items', reason: '§3.3: 30 recommended, a tutorial says 50',
  },
  batchItemsCount: {
    values: ['1', '30', '0'],
    about: 'What a batch takes of the 500 calls a minute: one, one per item, none', reason: '§3.3: unconfirmed',
  },
  burst: {
    values: ['both', '10-per-second', '10-concurrent'],
    about: 'Which burst limit applies', reason: '§5.1: two texts; obey both',
  },
  queryEntityCase: {
    values: ['any', 'exact'],
    about: 'Whether entity names in a query ignore case', reason: '§3.1: the docs disagree',
  },
  totalCountOnLists: {
    values: ['no', 'yes'],
    about: 'totalCount in the answer to SELECT *', reason: '§3.1: docs sample only',
  },
  emptyList: {
    values: ['{}', '[]'],
    about: 'How an empty query answers', reason: '§3.1: {} is recorded',
  },
  throttleBody: {
    values: ['xml', 'Fault', 'fault'],
    about: 'The body of a throttled call', reason: '§6.1: XML recorded, JSON casing unconfirmed',
  },
  retryAfter: {
    values: ['no', 'yes'],
    about: 'Retry-After on a throttled call', reason: '§6.1: unconfirmed',
  },
  throttleStatus: {
    values: ['429', '403'],
    about: 'The HTTP status of a throttled call', reason: '§6.1: 3001 came once in a 403',
  },
  cdcInactive: {
    values: ['active-false', 'deleted'],
    about: 'How CDC shows an inactivated class', reason: '§3.4: full object with Active:false, unconfirmed',
  },
  webhookInactive: {
    values: ['Update', 'Delete'],
    about: 'The webhook event of an inactivation', reason: '§4: unconfirmed',
  },
  webhookFormat: {
    values: ['cloudevents', 'classic'],
    about: 'The webhook payload', reason: '§4: the change-over date moved; both are about',
  },
  webhookOwnChanges: {
    values: ['no', 'yes'],
    about: 'Whether an app hears of its own writes', reason: NOT_RECORDED,
  },
  webhookAggregationSeconds: {
    amount: 0, min: 0, max: 300,
    about: 'How long changes are gathered before a webhook goes out, in virtual seconds', reason: '§4: 0 to 5 minutes',
  },
  pagereqClass: {
    values: ['honoured', 'home'],
    about: 'Where the deep link pagereq=class leads', reason: '§8: unconfirmed',
  },
  classIdLink: {
    values: ['honoured', 'home'],
    about: 'Whether /app/class?id=… shows that class', reason: '§8: unconfirmed',
  },
  limits: {
    values: ['on', 'off'],
    about: 'Whether the limits of §5.1 refuse calls; they are always measured', reason: 'Setting of the sandbox',
  },
  callLatencyMs: {
    amount: 0, min: 0, max: 600_000,
    about: 'Median time of a call, in virtual ms', reason: 'Setting of the sandbox; §5.2 assumes 400',
  },
  batchLatencyMs: {
    amount: 0, min: 0, max: 600_000,
    about: 'Median time of a batch, in virtual ms', reason: 'Setting of the sandbox; §5.2 assumes 6000',
  },
  latencySpreadPercent: {
    amount: 0, min: 0, max: 100,
    about: 'How far times lie around the median', reason: 'Setting of the sandbox',
  },
} as const satisfies Record<string, SwitchSpec>;

export type SwitchName = keyof typeof SWITCHES;
type ValueOf<S> = S extends { readonly values: readonly (infer V)[] } ? V : number;
export type Switches = { [N in SwitchName]: ValueOf<(typeof SWITCHES)[N]> };

/** Every switch at its default; `limits` as the sandbox was started. */
export function defaultSwitches(limits: 'on' | 'off'): Switches {
  const entries = Object.entries<SwitchSpec>(SWITCHES).map(([name, spec]) =>
    [name, 'values' in spec ? spec.values[0] : spec.amount]);
  return { ...(Object.fromEntries(entries) as Switches), limits };
}

/**
 * Checks a change against the table. Numbers stand for the texts of the same digits, `true` and `false` for yes and no.
 * @returns the valid part and one sentence per fault; a caller applies it only when there is no fault.
 */
export function readSwitchChange(change: Record<string, unknown>): { values: Partial<Switches>; faults: string[] } {
  const values: Record<string, string | number> = {};
  const faults: string[] = [];
  for (const [name, given] of Object.entries(change)) {
    const spec = Object.hasOwn(SWITCHES, name) ? (SWITCHES as Record<string, SwitchSpec>)[name] : undefined;
    if (!spec) {
      faults.push(`There is no switch "${name}". GET /sandbox/switches lists them.`);
    } else if ('values' in spec) {
      const text = given === true ? 'yes' : given === false ? 'no' : String(given);
      if (spec.values.includes(text)) values[name] = text;
      else faults.push(`"${name}" takes ${spec.values.map((value) => `"${value}"`).join(' or ')}, not ${JSON.stringify(given)}.`);
    } else {
      const amount = typeof given === 'string' && given.trim() !== '' ? Number(given) : given;
      if (typeof amount === 'number' && Number.isInteger(amount) && amount >= spec.min && amount <= spec.max) {
        values[name] = amount;
      }
      else faults.push(`"${name}" takes a whole number from ${spec.min} to ${spec.max}, not ${JSON.stringify(given)}.`);
    }
  }
  return { values: values as Partial<Switches>, faults };
}

/** The switch table as Markdown, for the README. */
export function switchesAsMarkdown(): string {
  const rows = Object.entries<SwitchSpec>(SWITCHES).map(([name, spec]) => {
    const values = 'values' in spec
      ? spec.values.map((value, index) => (index === 0 ? `**\`${value}\`**` : `\`${value}\``)).join(' ')
      : `**\`${spec.amount}\`** (${spec.min} to ${spec.max})`;
    return `| \`${name}\` | ${spec.about} | ${values} | ${spec.reason} |`;
  });
  return ['| switch | what it decides | values (default first) | why |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
