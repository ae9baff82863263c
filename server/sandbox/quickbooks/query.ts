import { faults, ServiceFault } from './faults.ts';

export type Operator = '=' | '<' | '>' | '<=' | '>=' | 'IN' | 'LIKE';
export interface Condition {
  readonly property: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}
/** A parsed query; property and entity names as written. */
export interface Query {
  readonly entity: string;
  readonly counts: boolean;
  readonly where: readonly Condition[];
  readonly orderBy?: { readonly property: string; readonly descending: boolean };
  readonly start: number;
  readonly max: number;
}

type Token =
  { readonly kind: 'word' | 'number' | 'sign'; readonly text: string } | { readonly kind: 'text'; readonly text: string };
const DEFAULT_MAX = 100;
const LARGEST_MAX = 1000;

/**
 * Reads Intuit's query language (quickbooks.md §3.1): `SELECT * | count(*) FROM E [WHERE p op v [AND …]] [ORDERBY p [ASC|DESC]]
 * [STARTPOSITION n] [MAXRESULTS n]`; keywords in any case, the last two in any order, `ORDER BY` too.
 * @returns fault 4000 for what is not the language and 4001 for what it does not allow.
 */
export function parseQuery(text: string): Query | ServiceFault {
  const tokens = tokenize(text);
  return tokens instanceof ServiceFault ? tokens : new Parser(tokens).query();
}

const TOKEN = /\s+|'((?:[^'\\]|\\[\s\S])*)'|(-?\d+(?:\.\d+)?)(?![\w.])|([A-Za-z_][\w.]*)|(<=|>=|!=|[=<>(),*])/y;

function tokenize(text: string): Token[] | ServiceFault {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) {
      return faults.queryParse(`Encountered "${text.slice(at, at + 20)}" at line 1, column ${at + 1}.`);
    }
    const [, quoted, number, word, sign] = match;
    if (quoted !== undefined) tokens.push({ kind: 'text', text: quoted.replace(/\\([\s\S])/g, '$1') });
    else if (number !== undefined) tokens.push({ kind: 'number', text: number });
    else if (word !== undefined) tokens.push({ kind: 'word', text: word });
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign });
  }
  return tokens;
}

/** Left by a rule that does not fit; turned into fault 4000 in one place. */
class Unfit extends Error {}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  query(): Query | ServiceFault {
    try {
      return this.#statement();
    } catch (error) {
      if (error instanceof Unfit) return faults.queryParse(error.message);
      throw error;
    }
  }

  #statement(): Query | ServiceFault {
    this.#word('select');
    const counts = this.#selection();
    this.#word('from');
    const entity = this.#name();
    const where = this.#takes('where') ? this.#conditions() : [];
    const orderBy = this.#ordering();
    const paging = this.#paging();
    if (this.#at < this.#tokens.length) throw this.#unfit();
    if (paging instanceof ServiceFault) return paging;
    return { entity, counts, where, ...(orderBy ? { orderBy } : {}), ...paging };
  }

  /** @returns whether it counts. There is no projection. */
  #selection(): boolean {
    if (this.#takes('count')) {
      this.#sign('(');
      this.#sign('*');
      this.#sign(')');
      return true;
    }
    this.#sign('*');
    return false;
  }

  #conditions(): Condition[] {
    const conditions = [this.#condition()];
    while (this.#takes('and')) conditions.push(this.#condition());
    return conditions;
  }

  #condition(): Condition {
    const property = this.#name();
    if (this.#takes('in')) {
      this.#sign('(');
      const values = [this.#value()];
      while (this.#takesSign(',')) values.push(this.#value());
      this.#sign(')');
      return { property, operator: 'IN', values };
    }
    if (this.#takes('like')) return { property, operator: 'LIKE', values: [this.#value()] };
    const operator = ['<=', '>=', '=', '<', '>'].find((sign) => this.#takesSign(sign));
    if (!operator) throw this.#unfit();
    return { property, operator: operator as Operator, values: [this.#value()] };
  }

  #ordering(): { property: string; descending: boolean } | undefined {
    if (this.#takes('order')) this.#word('by');
    else if (!this.#takes('orderby')) return undefined;
    const property = this.#name();
    const descending = this.#takes('desc');
    if (!descending) this.#takes('asc');
    return { property, descending };
  }

  #paging(): { start: number; max: number } | ServiceFault {
    const paging = { start: 1, max: DEFAULT_MAX };
    for (;;) {
      if (this.#takes('startposition')) paging.start = this.#integer();
      else if (this.#takes('maxresults')) paging.max = this.#integer();
      else break;
    }
    for (const value of [paging.start, paging.max]) {
      if (value < 1) return faults.queryInvalid(`value ${value} is too small. Min allowed value is 1`);
    }
    if (paging.max > LARGEST_MAX) {
      return faults.queryInvalid(`value ${paging.max} is too large. Max allowed value is ${LARGEST_MAX}`);
    }
    return paging;
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #takes(word: string): boolean {
    const token = this.#peek();
    if (token?.kind !== 'word' || token.text.toLowerCase() !== word) return false;
    this.#at += 1;
    return true;
  }

  #takesSign(sign: string): boolean {
    const token = this.#peek();
    if (token?.kind !== 'sign' || token.text !== sign) return false;
    this.#at += 1;
    return true;
  }

  #word(word: string): void {
    if (!this.#takes(word)) throw this.#unfit();
  }

  #sign(sign: string): void {
    if (!this.#takesSign(sign)) throw this.#unfit();
  }

  #name(): string {
    const token = this.#peek();
    if (token?.kind !== 'word') throw this.#unfit();
    this.#at += 1;
    return token.text;
  }

  #value(): string {
    const token = this.#peek();
    const plain = token?.kind === 'word' && /^(true|false|null)$/i.test(token.text);
    if (!token || (token.kind !== 'text' && token.kind !== 'number' && !plain)) throw this.#unfit();
    this.#at += 1;
    return token.text;
  }

  #integer(): number {
    const token = this.#peek();
    if (token?.kind !== 'number' || !/^-?\d{1,9}$/.test(token.text)) throw this.#unfit();
    this.#at += 1;
    return Number(token.text);
  }

  #unfit(): Unfit {
    const token = this.#peek();
    return new Unfit(`Encountered "${token ? token.text.slice(0, 40) : '<EOF>'}" at line 1, token ${this.#at + 1}.`);
  }
}
