import type { CallWeight } from './throttle.ts';
import type { Company } from './company.ts';
import { answerTime, secondsTime } from './clock.ts';
import { faults, gatewayBody, ServiceFault, WWW_AUTHENTICATE, HTML_502 } from './faults.ts';
import type { Grant } from './grants.ts';
import { ACCOUNTING } from './grants.ts';
import { contentType, isObject, wait } from './http.ts';
import type { Exchange, Reply } from './http.ts';
import { fullName } from './identity.ts';
import type { InjectedFault, Recorded } from './injection.ts';
import { readListInput } from './namelist.ts';
import type { ListEntity, ListInput, ListRecord } from './namelist.ts';
import { bearer } from './oauth.ts';
import { runQuery } from './queryrun.ts';
import type { RowQuirks } from './queryrun.ts';
import { MAX_REQUEST_ID } from './requestids.ts';
import { throttleXml, toXml } from './xml.ts';
import type { World } from './world.ts';

/** The accounting API, `/v3/company/{realmId}/…` (quickbooks.md §2, §3, §6). */
export interface ApiCall {
  readonly operation: string;
  readonly realmId: string;
  readonly entity: ListEntity | null;
  readonly id: string | null;
  /** The JSON body, or the fault it is. */
  readonly body: Record<string, unknown> | ServiceFault;
  readonly query: string | null;
  readonly requestid: string | null;
  readonly items: readonly unknown[] | null;
}

/** Content of an answer, not yet in JSON or XML. */
interface Answer {
  readonly status: number;
  readonly text: string;
}

const RECOMMENDED_BATCH = 30;
const REQUEST_SECONDS = 120;
const CDC_DAYS = 30;
const CDC_MOST = 1000;

/** What a call asks for, worked out before anything is done. */
export function readApiCall(exchange: Exchange): ApiCall {
  const [, , , realmId = '', resource = '', id = null, ...rest] = exchange.path.split('/');
  const params = exchange.url.searchParams;
  const base = { realmId, entity: null, id: null, query: null, items: null, requestid: params.get('requestid'), body: {} };
  const reads = exchange.method === 'GET';
  if (rest.length > 0 || (!reads && exchange.method !== 'POST')) return { ...base, operation: 'unknown' };
  const name = resource.toLowerCase();
  if (reads && id === null && name === 'query') {
    return { ...base, operation: 'query', query: params.get('query') ?? params.get('q') ?? '' };
  }
  if (reads && id === null && name === 'cdc') return { ...base, operation: 'cdc' };
  if (reads && id === null && name === 'preferences') return { ...base, operation: 'preferences.read' };
  if (reads && name === 'companyinfo') return { ...base, operation: 'companyinfo', id };
  const entity = name === 'class' ? 'Class' : name === 'department' ? 'Department' : null;
  if (reads) {
    return entity && id !== null ? { ...base, operation: `${name}.read`, entity, id } : { ...base, operation: 'unknown' };
  }
  if (id === null && name === 'query') {
    const text = ['application/text', 'text/plain'].includes(contentType(exchange.request));
    return { ...base, operation: 'query', query: exchange.body,
      body: text ? {} : faults.contentType(contentType(exchange.request)) };
  }
  if (id !== null || !(entity || name === 'batch' || name === 'preferences')) return { ...base, operation: 'unknown' };
  const body = readJsonBody(exchange);
  if (name === 'batch') {
    const items = body instanceof ServiceFault ? undefined : body['BatchItemRequest'];
    return { ...base, operation: 'batch', body, items: Array.isArray(items) ? items : [] };
  }
  if (name === 'preferences') return { ...base, operation: 'preferences.update', body };
  return { ...base, operation: `${name}.${verbOf(params, body)}`, entity, body };
}

function verbOf(params: URLSearchParams, body: Record<string, unknown> | ServiceFault): string {
  const operation = params.get('operation')?.toLowerCase();
  if (operation !== undefined && operation !== 'create') return operation;
  const named = !(body instanceof ServiceFault) && (body['Id'] !== undefined || body['SyncToken'] !== undefined);
  return named ? 'update' : 'create';
}

function readJsonBody({ request, body }: Exchange): Record<string, unknown> | ServiceFault {
  const type = contentType(request);
  if (type !== 'application/json') return faults.contentType(type === '' ? 'none' : type);
  try {
    const value: unknown = JSON.parse(body);
    if (isObject(value)) return value;
    return faults.unreadable('Can not deserialize instance out of a token that is no object');
  } catch {
    return faults.unreadable('Unexpected character: the body is not JSON');
  }
}

export interface ApiOutcome {
  readonly reply: Reply;
  readonly meter: 'Core' | 'CorePlus' | null;
  readonly clientId: string | null;
  /** The limit that refused the call. */
  readonly refused: string | null;
}

/** Answers one call: gateway first (token, company, limits), then the service. */
export async function answerApi(
  world: World, exchange: Exchange, call: ApiCall, fault: InjectedFault | undefined,
): Promise<ApiOutcome> {
  const access = authorise(world, exchange, call);
  if ('status' in access) return { reply: access, meter: null, clientId: null, refused: null };
  const { grant, company } = access;
  const queries = call.items?.filter((item) => isObject(item) && item['Query'] !== undefined).length ?? 0;
  const reads = call.operation === 'batch' ? queries : isRead(call.operation) ? 1 : 0;
  const weight: CallWeight = {
    realmId: company.realmId, clientId: grant.clientId, isBatch: call.operation === 'batch', items: call.items?.length ?? 1,
    metered: reads > 0,
  };
  const meter = reads > 0 ? 'CorePlus' : 'Core';
  const refused = world.throttle.enter(weight);
  if (refused) return { reply: throttled(world, exchange), meter, clientId: grant.clientId, refused };
  let reply: Reply | undefined;
  try {
    reply = await withLatency(world, call) ?? serve(world, exchange, call, grant, company, fault);
  } finally {
    world.throttle.leave(weight, reply?.status === 200 ? reads : 0);
  }
  return { reply, meter, clientId: grant.clientId, refused: null };
}

function isRead(operation: string): boolean {
  return /^(query|cdc|companyinfo|\w+\.read)$/.test(operation);
}

/** Who calls, for whose company; or the gateway's refusal (A6.1). */
function authorise(world: World, exchange: Exchange, call: ApiCall): { grant: Grant; company: Company } | Reply {
  const token = bearer(exchange);
  if (token === undefined) return unauthenticated(world, 'EmptyField', '003202', null);
  const check = world.grants.checkAccess(token);
  if (check.state === 'revoked' && world.switches.revokedToken === '3100') return forbidden(world);
  if (check.state !== 'good') {
    const what = { expired: 'Token expired', revoked: 'Token revoked', unknown: 'Malformed bearer token' }[check.state];
    return unauthenticated(world, 'AuthenticationFailed', '003200', `${what}: ${token}`);
  }
  const { grant } = check;
  const company = world.companies.get(call.realmId);
  const person = world.person(grant.personId);
  if (!company || grant.realmId !== company.realmId || !grant.scopes.includes(ACCOUNTING) || !person) return forbidden(world);
  return { grant, company };
}

function unauthenticated(world: World, what: string, code: string, detail: string | null): Reply {
  const body = gatewayBody(`message=${what}; errorCode=${code}; statusCode=401`, detail, String(Number(code)), 'AUTHENTICATION',
    world.clock.wall());
  return { status: 401, headers: { 'Content-Type': 'application/json', 'WWW-Authenticate': WWW_AUTHENTICATE }, body };
}

function forbidden(world: World): Reply {
  const message = 'message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403';
  const body = gatewayBody(message, null, '3100', 'SERVICE', world.clock.wall());
  return { status: 403, headers: { 'Content-Type': 'application/json' }, body };
}

/** A throttled call: XML whatever was asked for, unless a switch says otherwise (quickbooks.md §6.1). */
export function throttled(world: World, exchange: Exchange, retryAfterSeconds?: number): Reply {
  const { switches } = world;
  const status = Number(switches.throttleStatus);
  const seconds = retryAfterSeconds ?? (switches.retryAfter === 'yes' ? 60 : undefined);
  const headers: Record<string, string> = seconds === undefined ? {} : { 'Retry-After': String(seconds) };
  const now = world.clock.wall();
  if (switches.throttleBody === 'xml') {
    return { status, headers: { ...headers, 'Content-Type': 'application/xml' }, body: throttleXml(answerTime(now), status) };
  }
  const message = `message=ThrottleExceeded; errorCode=003001; statusCode=${status}`;
  const detail = 'The request limit was reached.  Try again later';
  if (switches.throttleBody === 'fault') {
    return { status, headers: { ...headers, 'Content-Type': 'application/json' },
      body: gatewayBody(message, detail, '3001', 'SERVICE', now) };
  }
  const reply = faultReply(world, exchange, new ServiceFault({ message, detail, code: '3001' }, 'SERVICE', status));
  return { ...reply, headers: { ...reply.headers, ...headers } };
}

/** Takes the call's time. @returns the gateway's time-out when that is over 120 s. */
async function withLatency(world: World, call: ApiCall): Promise<Reply | undefined> {
  const { callLatencyMs, batchLatencyMs, latencySpreadPercent } = world.switches;
  const median = call.operation === 'batch' ? batchLatencyMs : callLatencyMs;
  if (median === 0) return undefined;
  const virtual = median * (1 + (latencySpreadPercent / 100) * (2 * world.random() - 1));
  await wait(world.clock.realMs(Math.min(virtual, REQUEST_SECONDS * 1000)));
  return virtual > REQUEST_SECONDS * 1000 ? htmlError(504) : undefined;
}

export function htmlError(status: number): Reply {
  const names: Record<number, string> =
    { 500: 'Internal Server Error', 502: 'Bad Gateway', 503: 'Service Temporarily Unavailable',
    504: 'Gateway Time-out', 413: 'Request Entity Too Large' };
  const body = HTML_502.replaceAll('502 Bad Gateway', `${status} ${names[status] ?? 'Error'}`);
  return { status, headers: { 'Content-Type': 'text/html', Server: 'nginx' }, body };
}

/** The service's own work, done in one go: nothing can come between reading and writing. */
function serve(
  world: World, exchange: Exchange, call: ApiCall, grant: Grant, company: Company, fault: InjectedFault | undefined,
): Reply {
  const person = world.person(grant.personId);
  const work = new ServiceCall(world, exchange, call, company, person ? fullName(person) : 'another user', fault);
  return world.as(grant.clientId, () => work.reply());
}

class ServiceCall {
  readonly #world: World;
  readonly #exchange: Exchange;
  readonly #call: ApiCall;
  readonly #company: Company;
  readonly #editor: string;
  readonly #fault: InjectedFault | undefined;
  readonly #now: number;

  constructor(
    world: World, exchange: Exchange, call: ApiCall, company: Company, editor: string, fault: InjectedFault | undefined,
  ) {
    this.#world = world;
    this.#exchange = exchange;
    this.#call = call;
    this.#company = company;
    this.#editor = editor;
    this.#fault = fault;
    this.#now = world.clock.wall();
  }

  reply(): Reply {
    const { body, requestid, operation } = this.#call;
    if (body instanceof ServiceFault) return faultReply(this.#world, this.#exchange, body);
    if (requestid !== null && requestid.length > MAX_REQUEST_ID && operation !== 'query') {
      return faultReply(this.#world, this.#exchange, faults.requestIdFormat(requestid.length));
    }
    if (operation === 'batch') return this.#batch(body);
    const writes = operation.endsWith('.create') || operation.endsWith('.update') || operation.endsWith('.delete');
    const answer = writes ? this.#once(requestid, false, () => this.#write(body)) : this.#read();
    if (answer instanceof ServiceFault) return faultReply(this.#world, this.#exchange, answer);
    return answerReply(this.#exchange, answer);
  }

  /** Does a write once per requestid (quickbooks.md §2.4); a replay answers the very text of the first time. */
  #once(id: string | null, inBatch: boolean, work: () => Record<string, unknown> | ServiceFault): Answer | ServiceFault {
    const { switches } = this.#world;
    const first = id === null || switches.requestid === 'ignored' ? undefined : this.#company.requestIds.find(id, switches);
    if (first && switches.requestid === 'replay') return first;
    if (first && switches.requestid === '6000') return faults.businessRule('This request was already processed.');
    if (first && switches.requestid === '600') return faults.duplicateRequestId();
    const done = work();
    if (done instanceof ServiceFault && (id === null || switches.requestidReplaysFaults === 'no')) return done;
    const answer = done instanceof ServiceFault
      ? { status: done.status, text: this.#faultText(done, inBatch) }
      : { status: 200, text: JSON.stringify({ ...done, time: answerTime(this.#now) }) };
    if (id !== null) this.#company.requestIds.note(id, answer, switches);
    return answer;
  }

  #faultText(fault: ServiceFault, inBatch: boolean): string {
    return JSON.stringify({ Fault: fault.toJson(inBatch), ...(fault.timed && !inBatch ? { time: answerTime(this.#now) } : {}) });
  }

  #write(body: Record<string, unknown>): Record<string, unknown> | ServiceFault {
    const { operation, entity } = this.#call;
    if (this.#company.facts.subscription === 'EXPIRED') return faults.lapsed(this.#company.facts.plan);
    if (operation === 'preferences.update') {
      return this.#company.updatePreferences(body, this.#world.switches, this.#now)
        ?? { Preferences: this.#company.preferences() };
    }
    if (!entity) return this.#noResource();
    const record = this.#writeRecord(entity, operation.split('.')[1] ?? '', body);
    return record instanceof ServiceFault ? record : { [entity]: this.#company.list(entity).toJson(record) };
  }

  #writeRecord(entity: ListEntity, verb: string, body: Record<string, unknown>, unseen?: Set<string>): ListRecord | ServiceFault {
    const { switches } = this.#world;
    if (!['create', 'update', 'delete'].includes(verb)) return faults.unsupportedOperation(`${verb} of ${entity}`);
    const input = readListInput(entity, body);
    if (input instanceof ServiceFault) return input;
    const list = this.#company.list(entity);
    const writing = this.#company.writing(entity, switches, this.#editor, this.#now, unseen);
    if (verb === 'create') return list.create(input, writing);
    if (input.id === undefined) return faults.required('Id');
    if (this.#fault?.kind === 'user-edit') this.#editAsUser(entity, input.id);
    if (verb === 'update') return list.update(input, writing);
    if (switches.operationDelete === 'code-500') return faults.unsupportedOperation(`delete of ${entity}`);
    const present = list.find(input.id);
    const gone: ListInput = {
      ...input, active: false, sparse: false, ...(present ? { name: present.name, parentId: present.parent?.id ?? null } : {}),
    };
    return list.update(gone, writing);
  }

  /** A person renames the record just before the app's write reaches it (quickbooks.md §10.4). */
  #editAsUser(entity: ListEntity, id: string): void {
    const list = this.#company.list(entity);
    const record = list.find(id);
    if (!record) return;
    this.#world.as(null, () => list.update({
      id, syncToken: String(record.syncToken), name: `${record.name.slice(0, 90)} edited`, parentId: record.parent?.id ?? null,
      active: record.active, claimsParent: false, sparse: false,
    }, this.#company.writing(entity, this.#world.switches, 'Craig Carlson', this.#now)));
  }

  #read(): Answer | ServiceFault {
    const content = this.#readContent();
    return content instanceof ServiceFault ? content
      : { status: 200, text: JSON.stringify({ ...content, time: answerTime(this.#now) }) };
  }

  #readContent(): Record<string, unknown> | ServiceFault {
    const { operation, entity, id, query } = this.#call;
    const company = this.#company;
    if (operation === 'query') return this.#query(query ?? '');
    if (operation === 'cdc') return this.#changes();
    if (operation === 'preferences.read') return { Preferences: company.preferences() };
    if (operation === 'companyinfo') {
      return id === company.realmId || id === '1' ? { CompanyInfo: company.companyInfo(this.#world.switches) }
        : faults.notFound();
    }
    if (!entity || id === null) return this.#noResource();
    if (!/^\d{1,19}$/.test(id)) return faults.invalidId(decode(id));
    const record = company.list(entity).find(id);
    if (!record) return faults.notFound();
    const shown = company.list(entity).toJson(record);
    return this.#world.switches.readWrapper === 'yes' ? { [entity]: shown } : shown;
  }

  #noResource(): ServiceFault {
    return faults.noSuchResource(this.#exchange.path, `${this.#exchange.origin}${this.#exchange.path}`);
  }

  #query(text: string): Record<string, unknown> | ServiceFault {
    const quirks: RowQuirks = { oneMore: this.#fault?.kind === 'extra-row', doubled: this.#fault?.kind === 'doubled-rows' };
    const content = runQuery(this.#company, text, this.#world.switches, quirks);
    return content instanceof ServiceFault ? content : { QueryResponse: content };
  }

  /** Changed objects since a time, at most 30 days back and 1,000 (quickbooks.md §3.4). */
  #changes(): Record<string, unknown> | ServiceFault {
    const params = this.#exchange.url.searchParams;
    const entities = (params.get('entities') ?? '').split(',').map((name) => name.trim()).filter((name) => name !== '');
    const since = Date.parse(params.get('changedSince') ?? '');
    if (entities.length === 0) return faults.required('entities');
    if (Number.isNaN(since)) return faults.queryInvalid(`Invalid date: ${params.get('changedSince') ?? ''}`);
    if (since < this.#now - CDC_DAYS * 86_400_000) return faults.queryInvalid(`changedSince is more than ${CDC_DAYS} days ago`);
    const unknown = entities.find((name) => !/^(class|department)$/i.test(name));
    if (unknown !== undefined) return faults.queryInvalid(`invalid context declaration: ${unknown}`);
    let left = CDC_MOST;
    const responses = entities.map((name) => {
      const entity: ListEntity = name.toLowerCase() === 'class' ? 'Class' : 'Department';
      const list = this.#company.list(entity);
      const order = list.ordered('MetaData.LastUpdatedTime', false);
      const from = order.firstFrom(since);
      const records = order.entries().slice(from, from + left).map((entry) => entry.record);
      left -= records.length;
      const shown = [...records.map((record) => this.#changed(entity, record)), ...list.mergedSince(since).map(deleted)];
      return shown.length === 0 ? {} : { [entity]: shown, startPosition: 1, maxResults: shown.length };
    });
    return { CDCResponse: [{ QueryResponse: responses }] };
  }

  #changed(entity: ListEntity, record: ListRecord): Record<string, unknown> {
    if (record.active || this.#world.switches.cdcInactive === 'active-false') return this.#company.list(entity).toJson(record);
    return deleted(record);
  }

  /** Up to 30 parts, each answered by itself, none seeing another's work (quickbooks.md §3.3). */
  #batch(body: Record<string, unknown>): Reply {
    const { items, requestid } = this.#call;
    const refusal = this.#batchRefusal(body, items ?? []);
    if (refusal) return faultReply(this.#world, this.#exchange, refusal);
    const unseen = new Set<string>();
    const parts: string[] = Array.from({ length: items?.length ?? 0 }, () => '');
    const inOrderOfWork = [...(items ?? []).entries()].sort(([, a], [, b]) => Number(isQueryPart(b)) - Number(isQueryPart(a)));
    for (const [at, item] of inOrderOfWork) parts[at] = this.#part(item, at, requestid, unseen);
    const shaped = this.#misshape(parts);
    return answerReply(this.#exchange,
      { status: 200, text: `{"BatchItemResponse":[${shaped.join(',')}],"time":"${answerTime(this.#now)}"}` });
  }

  #batchRefusal(body: Record<string, unknown>, items: readonly unknown[]): ServiceFault | undefined {
    const unknown = Object.keys(body).find((name) => name !== 'BatchItemRequest');
    if (unknown !== undefined) return faults.unknownProperty(unknown, 'IntuitBatchRequest', ['BatchItemRequest']);
    if (items.length === 0) return faults.required('BatchItemRequest');
    const tooMany = items.length > RECOMMENDED_BATCH && this.#world.switches.batchOver30 === '1040';
    return tooMany ? faults.batchTooBig(RECOMMENDED_BATCH) : undefined;
  }

  #part(item: unknown, at: number, requestid: string | null, unseen: Set<string>): string {
    const bId = isObject(item) && item['bId'] !== undefined && item['bId'] !== null ? String(item['bId']) : undefined;
    const outcome = this.#struckPart(at, 'before') ?? this.#partOutcome(item, bId, requestid, unseen);
    const struck = this.#struckPart(at, 'after') ?? outcome;
    const text = struck instanceof ServiceFault ? this.#faultText(struck, true) : struck;
    return `${text.slice(0, -1)}${bId === undefined ? '' : `,"bId":${JSON.stringify(bId)}`}}`;
  }

  #partOutcome(item: unknown, bId: string | undefined, requestid: string | null, unseen: Set<string>): string | ServiceFault {
    if (!isObject(item)) return faults.unreadable('Can not deserialize a batch item');
    if (bId === undefined || bId === '') return faults.required('bId');
    if (item['Query'] !== undefined) {
      const content = this.#query(String(item['Query']));
      return content instanceof ServiceFault ? content : JSON.stringify(content);
    }
    const key = requestid === null ? null : requestid + bId;
    if (key !== null && key.length > MAX_REQUEST_ID) return faults.requestIdFormat(key.length);
    if (this.#company.facts.subscription === 'EXPIRED') return faults.lapsed(this.#company.facts.plan);
    const answer = this.#once(key, true, () => this.#writePart(item, unseen));
    return answer instanceof ServiceFault ? answer : withoutTime(answer.text);
  }

  #writePart(item: Record<string, unknown>, unseen: Set<string>): Record<string, unknown> | ServiceFault {
    const { bId: _bId, operation, optionsData: _options, ...objects } = item;
    const [name, ...others] = Object.keys(objects);
    if (name === undefined) return faults.required('the object of the batch item');
    if (others.length > 0 || (name !== 'Class' && name !== 'Department')) return faults.objectName(others[0] ?? name);
    const body = objects[name];
    if (!isObject(body)) return faults.unreadable(`Can not deserialize instance of ${name}`);
    if (operation === undefined) return faults.required('operation');
    const record = this.#writeRecord(name, String(operation).toLowerCase(), body, unseen);
    if (record instanceof ServiceFault) return record;
    if (operation === 'create') unseen.add(record.id);
    return { [name]: this.#company.list(name).toJson(record) };
  }

  /** An injected fault for this part of a batch. */
  #struckPart(at: number, moment: 'before' | 'after'): ServiceFault | undefined {
    const fault = this.#fault;
    if (!fault || (fault.items && !fault.items.includes(at))) return undefined;
    if (fault.kind === 'item-throttle' && moment === (fault.when ?? 'before')) return faults.throttledPart();
    if (fault.kind === 'item-fault' && moment === (fault.when ?? 'before')) {
      return recordedFault(this.#world, fault.recorded ?? 'system');
    }
    return undefined;
  }

  /** The batch answer with the parts in disorder, after all was done (quickbooks.md §10.4). */
  #misshape(parts: readonly string[]): readonly string[] {
    const fault = this.#fault;
    const chosen = (at: number): boolean => !fault?.items || fault.items.includes(at);
    switch (fault?.kind) {
      case 'items-reordered': return [...parts].reverse();
      case 'items-missing': return parts.filter((_, at) => (fault.items ? !chosen(at) : at % 2 === 0));
      case 'items-doubled': return parts.flatMap((part, at) => (chosen(at) ? [part, part] : [part]));
      case 'items-foreign': return parts.map((part, at) =>
        (chosen(at) ? part.replace(/,"bId":"[^"]*"}$/, `,"bId":"foreign-${at}"}`) : part));
      default: return parts;
    }
  }
}

function isQueryPart(item: unknown): boolean {
  return isObject(item) && item['Query'] !== undefined;
}

/** The answer's own `time` stands at its end; a batch part has none. */
function withoutTime(text: string): string {
  return text.replace(/,"time":"[^"]*"}$/, '}');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function wantsJson(exchange: Exchange): boolean {
  return (exchange.request.headers.accept ?? '').toLowerCase().includes('application/json');
}

function answerReply(exchange: Exchange, answer: Answer): Reply {
  const good = answer.status === 200;
  const charset = good ? ';charset=utf-8' : '';
  const headers: Record<string, string> = good
    ? { 'QBO-Version': '1944.190',
      'Service-Time': `total=${Math.max(1, Math.round(performance.now() - exchange.started))}, db=1` } : {};
  if (wantsJson(exchange)) {
    return { status: answer.status, headers: { 'Content-Type': `application/json${charset}`, ...headers }, body: answer.text };
  }
  const body = toXml(JSON.parse(answer.text) as Record<string, unknown>);
  return { status: answer.status, headers: { 'Content-Type': `application/xml${charset}`, ...headers }, body };
}

/** A service fault in the dialect the client asked for. */
export function faultReply(world: World, exchange: Exchange, fault: ServiceFault, status = fault.status): Reply {
  const time = fault.timed ? { time: answerTime(world.clock.wall()) } : {};
  const body = { Fault: fault.toJson(false), ...time };
  const json = wantsJson(exchange);
  return {
    status, headers: { 'Content-Type': json ? 'application/json' : 'application/xml' },
    body: json ? JSON.stringify(body) : toXml(body),
  };
}

/** A recorded service fault by name, for injection. */
export function recordedFault(world: World, name: Recorded): ServiceFault {
  switch (name) {
    case 'throttled': return faults.throttledPart();
    case 'no-access': return faults.noAccess();
    case 'wrong-cluster': return faults.wrongCluster();
    case 'locked': return faults.locked();
    case 'maintenance': return faults.maintenance();
    case 'lapsed': return faults.lapsed('QuickBooks Online Plus');
    case 'not-found': return faults.notFound();
    case 'stale': return faults.stale('Craig Carlson');
    case 'duplicate-name': return faults.duplicateName(world.switches.duplicateText, 'Class');
    case 'parent-missing': return faults.noReference('Class', '999999');
    case 'parent-inactive': return faults.inactiveReference();
    case 'plan-limit': return faults.businessRule("You've reached the limit of 40 classes and locations for your plan.");
    default: return faults.system();
  }
}

/** A recorded answer by name: the gateway's own ones in the gateway's dialect. */
export function recordedReply(world: World, exchange: Exchange, name: Recorded, retryAfterSeconds?: number): Reply {
  const now = world.clock.wall();
  switch (name) {
    case 'throttled': return throttled(world, exchange, retryAfterSeconds);
    case 'token-expired': return unauthenticated(world, 'AuthenticationFailed', '003200',
      `Token expired: ${bearer(exchange) ?? ''}`);
    case 'forbidden': return forbidden(world);
    case 'wrong-cluster': return {
      status: 401, headers: { 'Content-Type': 'application/xml' },
      body: toXml({ Fault: faults.wrongCluster().toJson(false), time: answerTime(now) }),
    };
    case 'wrong-host': {
      const message = 'message=InvalidDestination; errorCode=007001; statusCode=400';
      const detail = 'Subscription for company has lapsed or Invalid destination URL is used';
      return { status: 400, headers: { 'Content-Type': 'application/json' },
        body: gatewayBody(message, detail, '7001', 'SERVICE', now) };
    }
    default: return faultReply(world, exchange, recordedFault(world, name));
  }
}

/** As CDC shows what is not there any more (A3.4). */
function deleted(record: ListRecord): Record<string, unknown> {
  return { status: 'Deleted', domain: 'QBO', Id: record.id, MetaData: { LastUpdatedTime: secondsTime(record.updated) } };
}
