/**
 * Every fault body the sandbox sends (quickbooks.md §6.1, §6.3; annex A6.1, A6.3). Texts are the recorded ones where there are
 * any.
 */

export interface FaultError {
  readonly message: string;
  readonly detail: string;
  readonly code: string;
  readonly element?: string;
}

export type FaultType = 'ValidationFault' | 'SystemFault' | 'AuthenticationFault' | 'AuthorizationFault' | 'SERVICE';

/** A refusal by the service itself: a capital `Fault`. A value, not an exception: a batch answers it beside good parts. */
export class ServiceFault {
  readonly errors: readonly FaultError[];
  readonly type: FaultType;
  readonly status: number;
  /** 2030 came without `time` when it was recorded. */
  readonly timed: boolean;

  constructor(error: FaultError, type: FaultType = 'ValidationFault', status = 400, timed = true) {
    this.errors = [error];
    this.type = type;
    this.status = status;
    this.timed = timed;
  }

  /** The `Fault` object. Part faults carry `element: ""`, single ones omit an empty element (§3.3). */
  toJson(inBatch: boolean): { Error: Record<string, string>[]; type: FaultType } {
    const errors = this.errors.map(({ message, detail, code, element = '' }) => ({
      Message: message, Detail: detail, code, ...(inBatch || element !== '' ? { element } : {}),
    }));
    return { Error: errors, type: this.type };
  }
}

const fault = (code: string, message: string, detail: string, element = ''): ServiceFault =>
  new ServiceFault({ message, detail, code, element });

const INACTIVE = "Something you're trying to use has been made inactive. "
  + 'Check the fields with accounts, customers, items, vendors or employees.';
const UNKNOWN_PROPERTY = 'Request has invalid or unsupported property';

export const faults = {
  unsupportedOperation: (detail: string) => fault('500', 'Unsupported Operation', `Operation ${detail} is not supported.`),
  noSuchResource: (relative: string, full: string) =>
    fault('500', 'Unsupported Operation',
      `Operation Could not find resource for relative : ${relative} of full path: ${full} is not supported.`),
  duplicateRequestId: () => fault('600', 'Duplicate Request ID', 'Duplicate Request ID : This request id was used before.'),
  notFound: () => fault('610', 'Object Not Found', `Object Not Found : ${INACTIVE}`),
  hasDependencies: () => fault('800', 'Cannot delete object', 'Cannot delete object : The object has dependencies.'),
  parentIsChild: () => fault('900', 'Parent cannot be child',
    'Parent cannot be child : An object cannot be its own parent or sub-object.',
    'ParentRef'),
  batchTooBig: (max: number) => fault('1040', 'Batch size exceeds allowed limit',
    `Batch size exceeds allowed limit : Max:${max}`),
  contentType: (given: string) => fault('1050', 'Invalid Content Type', `Invalid Content Type : ${given}`),
  objectName: (name: string) => fault('2000', 'Invalid or unsupported object name',
    `Invalid or unsupported object name : ${name}`),
  unknownProperty: (name: string, entity: string, known: readonly string[]) =>
    fault('2010', UNKNOWN_PROPERTY, `Property Name:Unrecognized field "${name}" (class com.intuit.schema.finance.v3.${entity}), `
      + `not marked as ignorable (${known.length} known properties: ${known.map((each) => `"${each}"`).join(', ')}]) `
      + 'specified is unsupported or invalid'),
  unreadable: (what: string) => fault('2010', UNKNOWN_PROPERTY, `Property Name:${what} specified is unsupported or invalid`),
  required: (name: string) => fault('2020', 'Required param missing, need to supply the required value for the API',
    `Required parameter ${name} is missing in the request`, name),
  invalidId: (value: string) => new ServiceFault(
    { code: '2030', message: 'Invalid ID', detail: `Id should be a valid number. Supplied value:${value}`, element: 'Id' },
    'ValidationFault', 400, false),
  characters: (value: string) => fault('2040', 'Invalid String. The String may contain unsupported or illegal chars',
    `Element contains invalid characters. ${value}`, 'Name'),
  length: (length: number) => fault('2050', 'String length is either shorter or longer than supported by specification',
    `String length specified does not match the supported length. Min:0 Max:100 supported. Supplied length:${length}`, 'Name'),
  requestIdFormat: (length: number) =>
    fault('2130', 'Invalid Request Id Format', `Invalid Request Id Format : request_id ${length} > 50`),
  invalidBoolean: (name: string, value: string) => fault('2230', 'Invalid Boolean', `Invalid Boolean : ${value}`, name),
  noReference: (entity: string, id: string) =>
    fault('2500', 'Invalid Reference Id', `Invalid Reference Id : ${entity} element id ${id} not found`, 'ParentRef'),
  inactiveReference: () => fault('2500', 'Invalid Reference Id', `Invalid Reference Id : ${INACTIVE}`, 'ParentRef'),
  queryParse: (detail: string) => fault('4000', 'Error parsing query', `QueryParserError: ${detail}`),
  queryInvalid: (detail: string) => fault('4001', 'Invalid query', `QueryValidationError: ${detail}`),
  stale: (user: string) => fault('5010', 'Stale Object Error',
    `Stale Object Error : You and ${user} were working on this at the same time. `
    + `${user} finished before you did, so your work was not saved.`),
  notInPlan: (status: number) => new ServiceFault(
    { code: '5020', message: 'Permission Denied Error', detail: "You don't have permissions to access this feature" },
      'ValidationFault', status),
  businessRule: (detail: string) =>
    fault('6000', 'A business validation error has occurred while processing your request',
      `Business Validation Error: ${detail}`),
  parentRequired: () => fault('6150', 'ParentRef Required Validation Error',
    'ParentRef Required Validation Error : SubClass needs a ParentRef.',
    'ParentRef'),
  tooDeep: () => fault('6180', 'Sub Level Limit', 'Sub Level Limit : You can create only 5 levels.', 'ParentRef'),
  duplicateName: (text: 'class' | 'customer' | 'null', entity: string) =>
    fault('6240', 'Duplicate Name Exists Error', `The name supplied already exists. : ${duplicateReason(text, entity)}`),
  lapsed: (plan: string) => fault('6190', 'Invalid Company Status',
    'Subscription period has ended or canceled or there was a billing problem : '
    + `You can't add data to ${plan} because your subscription has ended or was canceled.`),
  system: () => new ServiceFault({
    code: '10000', message: 'An application error has occurred while processing your request',
    detail: 'System Failure Error: an unexpected error occurred',
  }, 'SystemFault', 500),
  throttledPart: () => new ServiceFault({
    code: '3001', message: 'message=ThrottleExceeded; errorCode=003001; statusCode=429',
    detail: 'The request limit was reached.  Try again later',
  }, 'SERVICE', 429),
  wrongCluster: () => new ServiceFault({
    code: '130', message: 'Accessing Wrong Cluster',
    detail: 'WrongClusterError: -11017-You have accessed the wrong server.  You will now be redirected. , statusCode: 401',
  }, 'AuthenticationFault', 401),
  noAccess: () => new ServiceFault({
    code: '120', message: 'Authorization Failure',
    detail: 'AuthorizationFailure: –11014-You do not have access to use QuickBooks Online Plus.',
  }, 'AuthorizationFault', 401),
  locked: () => new ServiceFault({
    code: '140', message: 'Company Locked Out', detail: 'CompanyLockedOut: The company is locked., statusCode: 400',
  }, 'SystemFault', 400),
  maintenance: () => new ServiceFault({
    code: '150', message: 'Company Under Maintenance',
    detail: 'CompanyUnderMaintenance: The company is under maintenance., statusCode: 503',
  }, 'SystemFault', 503),
} as const;

function duplicateReason(text: 'class' | 'customer' | 'null', entity: string): string {
  if (text === 'null') return 'null';
  const what = text === 'class' ? entity.toLowerCase() : 'customer, vendor or employee';
  return `Another ${what} is already using this name. Please use a different name.`;
}

/** The gateway's envelope: lower case, every list empty, `time` in epoch ms (A6.1, recorded). */
export function gatewayBody(message: string, detail: string | null, code: string, type: string, time: number): string {
  return JSON.stringify({
    warnings: null,
    intuitObject: null,
    fault: { error: [{ message, detail, code, element: null }], type },
    report: null,
    queryResponse: null,
    batchItemResponse: [],
    attachableResponse: [],
    syncErrorResponse: null,
    requestId: null,
    time,
    status: null,
    cdcresponse: [],
  });
}

export const WWW_AUTHENTICATE = 'Bearer realm="Intuit", error="invalid_token"';

export const HTML_502 =
  '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n'
  + '<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n';
