/** MongoDB's error codes by name; only those this server answers with. */
const CODES = {
  InternalError: 1,
  BadValue: 2,
  Unauthorized: 13,
  FailedToParse: 9,
  TypeMismatch: 14,
  InvalidLength: 16,
  IllegalOperation: 20,
  NamespaceNotFound: 26,
  IndexNotFound: 27,
  PathNotViable: 28,
  ConflictingUpdateOperators: 40,
  CursorNotFound: 43,
  NamespaceExists: 48,
  DollarPrefixedFieldName: 52,
  InvalidIdField: 53,
  EmptyFieldName: 56,
  CommandNotFound: 59,
  ImmutableField: 66,
  CannotCreateIndex: 67,
  InvalidOptions: 72,
  InvalidNamespace: 73,
  IndexOptionsConflict: 85,
  IndexKeySpecsConflict: 86,
  CannotIndexParallelArrays: 171,
  InvalidIndexSpecificationOption: 197,
  NotImplemented: 238,
  NoQueryExecutionPlans: 291,
  QueryExceededMemoryLimitNoDiskUseAllowed: 292,
  InvalidPipelineOperator: 168,
  NotSingleValueField: 54,
  MissingField: 40414,
  BSONObjectTooLarge: 10334,
  DuplicateKey: 11000,
} as const;

type CodeName = keyof typeof CODES;

/** An answer of MongoDB's own: code, codeName and message go to the client as they stand. */
export class MongoFault extends Error {
  readonly code: number;
  readonly codeName: string;
  /** Further fields of the reply, such as keyPattern and keyValue of a duplicate key. */
  readonly fields: Record<string, unknown>;

  constructor(codeName: CodeName, message: string, fields: Record<string, unknown> = {}) {
    super(message);
    this.name = 'MongoFault';
    this.code = CODES[codeName];
    this.codeName = codeName;
    this.fields = fields;
  }

  /** MongoDB names codes of five digits and more after their place in the source. */
  static location(code: number, message: string): MongoFault {
    const fault = new MongoFault('BadValue', message);
    Object.assign(fault, { code, codeName: `Location${code}` });
    return fault;
  }
}

/** In: anything thrown. Out: what the client is told; errors that are not faults become InternalError. */
export function asFault(error: unknown): MongoFault {
  if (error instanceof MongoFault) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (
    error instanceof Error && (
      error.name === 'BSONError' || error.name === 'MingoError' || error.constructor.name === 'MingoError'
    )
  ) {
    return new MongoFault('BadValue', message);
  }
  if (error instanceof RangeError && /call stack/i.test(message)) {
    return new MongoFault('BadValue', 'expression is nested too deeply');
  }
  return new MongoFault('InternalError', message);
}

/** The reply document of a failed command. */
export function faultReply(error: unknown): Record<string, unknown> {
  const fault = asFault(error);
  return { ok: 0, errmsg: fault.message, code: fault.code, codeName: fault.codeName, ...fault.fields };
}

export function notImplemented(what: string): MongoFault {
  return new MongoFault('NotImplemented', `${what} is not supported by this server`);
}
